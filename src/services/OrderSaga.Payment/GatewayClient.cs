using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Steps;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace OrderSaga.Services;

/// <summary>
/// Talks to the payment gateway. Its answers are returned; an error or no answer in time is thrown, and the caller tries again with the
/// same key. While the gateway only fails, the circuit is open: nothing is sent, and it counts as an outage, as it does when it cannot
/// even be reached.
/// </summary>
internal sealed class GatewayClient : IDisposable
{
    private static readonly TimeSpan Break = TimeSpan.FromSeconds(2);

    // Whoever waits for it calls it much more often.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    private readonly CircuitBreakerStateProvider circuit = new();
    private readonly Lazy<HttpClient> http;
    private readonly ResiliencePipeline pipeline;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private bool isOpen;
    private volatile Failure? last;

    /// <param name="address">Where it is; asked for at the first call.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Hears of outages, never of what is sent.</param>
    public GatewayClient(Func<Uri> address, TimeProvider time, ILogger<GatewayClient> log)
    {
        (this.time, this.log) = (time, log);
        http = new(() => Connect(address()));
        pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddCircuitBreaker(new()
            {
                StateProvider = circuit,
                // Less than a message has tries: while everything fails, even an order that comes alone is held, not failed.
                MinimumThroughput = 5,
                FailureRatio = 0.7,
                SamplingDuration = TimeSpan.FromSeconds(5),
                BreakDuration = Break,
                ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is GatewayFailedException or OutageException or TimeoutRejectedException),
                OnOpened = args => Opened(args.Outcome.Exception),
                OnClosed = _ => Closed(),
            })
            .AddTimeout(CallTime)
            .Build();
    }

    /// <summary>How long a call may take: less than the lease of the step that makes it.</summary>
    public static TimeSpan CallTime { get; } = TimeSpan.FromSeconds(8);

    /// <summary>Why the last call got no answer; null if it got one, or there was none for so long that nothing is known of it any more.</summary>
    public string? Failing => last is not { } failure || time.GetElapsedTime(failure.At) > Fresh ? null
        : circuit.CircuitState is CircuitState.Open or CircuitState.HalfOpen ? "it only fails, and one call every few seconds looks whether it works again" : failure.Why;

    /// <summary>Takes the money, or is told that the card was declined.</summary>
    public Task<GatewayCharge> ChargeAsync(Guid orderId, decimal amount, string currency, string token, string key, string? faults, CancellationToken ct) => SendAsync(
        () => Post("gateway/charges", key, new { orderId, amount, currency, token }, faults),
        response => response.StatusCode == HttpStatusCode.PaymentRequired || response.IsSuccessStatusCode,
        ReadAsync<GatewayCharge>, ct);

    /// <summary>What became of a charge; null if the gateway knows nothing of it.</summary>
    public Task<GatewayCharge?> FindAsync(string key, CancellationToken ct) => SendAsync(
        () => new(HttpMethod.Get, Relative($"gateway/charges?key={Uri.EscapeDataString(key)}")),
        response => response.IsSuccessStatusCode,
        async (content, stop) => (await ReadAsync<GatewayCharge[]>(content, stop).ConfigureAwait(false)).SingleOrDefault(), ct);

    /// <summary>Gives money of a charge back.</summary>
    public Task RefundAsync(string chargeId, decimal amount, string currency, string key, string? faults, CancellationToken ct) => SendAsync(
        () => Post($"gateway/charges/{Uri.EscapeDataString(chargeId)}/refunds", key, new { amount, currency }, faults),
        response => response.IsSuccessStatusCode,
        (_, _) => Task.FromResult(true), ct);

    public void Dispose()
    {
        if (http.IsValueCreated)
            http.Value.Dispose();
    }

    private async Task<T> SendAsync<T>(Func<HttpRequestMessage> make, Func<HttpResponseMessage, bool> isAnswer, Func<HttpContent, CancellationToken, Task<T>> read, CancellationToken ct)
    {
        try
        {
            var answer = await pipeline.ExecuteAsync(async stop => await OnceAsync(make, isAnswer, read, stop).ConfigureAwait(false), ct).ConfigureAwait(false);
            last = null;
            return answer;
        }
        catch (OutageException)
        {
            Failed("it cannot be reached");
            throw;
        }
        catch (BrokenCircuitException e)
        {
            Failed("it only fails");
            throw new OutageException("The payment gateway only fails; nothing is sent to it for a moment.", e);
        }
        catch (Exception e) when (e is GatewayFailedException or TimeoutRejectedException)
        {
            Failed("the last call got no answer, or an error");
            var failed = e as GatewayFailedException ?? new($"The payment gateway did not answer within {CallTime.TotalSeconds} s.", e);
            // A call that only shows that the outage goes on is no try of its order.
            throw circuit.CircuitState == CircuitState.Open ? new OutageException("The payment gateway only fails.", failed, wasCalled: true) : failed;
        }
    }

    private async Task<T> OnceAsync<T>(Func<HttpRequestMessage> make, Func<HttpResponseMessage, bool> isAnswer, Func<HttpContent, CancellationToken, Task<T>> read, CancellationToken ct)
    {
        try
        {
            using var request = make();
            using var response = await http.Value.SendAsync(request, ct).ConfigureAwait(false);
            if (isAnswer(response))
                return await read(response.Content, ct).ConfigureAwait(false);
            var said = $"The payment gateway answered {(int)response.StatusCode} to {request.Method} {request.RequestUri!.AbsolutePath}.";
            throw IsTrouble(response.StatusCode) ? new GatewayFailedException(said) : new InvalidOperationException(said);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError)
        {
            throw new OutageException("The payment gateway cannot be reached.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            throw new GatewayFailedException("The payment gateway's answer was lost, or cannot be read.", e);
        }
    }

    private static HttpClient Connect(Uri address) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        // A gateway that moves is found again.
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        UseProxy = !address.IsLoopback,
    })
    {
        BaseAddress = address,
        Timeout = Timeout.InfiniteTimeSpan, // each call has its own
    };

    private static HttpRequestMessage Post<T>(string path, string key, T body, string? faults)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Relative(path)) { Content = JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", key);
        if (faults is not null)
            request.Headers.Add(PlannedFault.Header, faults);
        return request;
    }

    private static Uri Relative(string path) => new(path, UriKind.Relative);

    // Anything else that is no answer is our mistake, or our configuration's: it says nothing about the gateway's health.
    private static bool IsTrouble(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    private static async Task<T> ReadAsync<T>(HttpContent content, CancellationToken ct) =>
        await content.ReadFromJsonAsync<T>(ct).ConfigureAwait(false) ?? throw new JsonException("It is null.");

    private void Failed(string why) => last = new(why, time.GetTimestamp());

    private ValueTask Opened(Exception? why)
    {
        if (!Interlocked.Exchange(ref isOpen, true))
            log.LogError("The payment gateway only fails; orders wait, and one call every {Pause} s looks whether it works again: {Reason}", Break.TotalSeconds, why?.Message);
        return default;
    }

    private ValueTask Closed()
    {
        if (Interlocked.Exchange(ref isOpen, false))
            log.LogInformation("The payment gateway works again");
        return default;
    }

    private sealed record Failure(string Why, long At);
}

/// <summary>What the gateway says of a charge.</summary>
internal sealed record GatewayCharge(string ChargeId, decimal Amount, string Currency, string Status, string? DeclineCode = null);

/// <summary>An error of the gateway, or no answer: what became of the call is not known.</summary>
internal sealed class GatewayFailedException(string message, Exception? inner = null) : Exception(message, inner);
