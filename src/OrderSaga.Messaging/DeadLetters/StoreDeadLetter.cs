using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MassTransit;
using MassTransit.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// The end of the pipe for what could not be handled: it is stored and then acknowledged, so nothing behind it waits. Takes the place of
/// the queues _error and _skipped, where it could be neither searched nor counted nor outlive the broker.
/// </summary>
internal sealed class StoreDeadLetter(IServiceProvider services) : IFilter<ExceptionReceiveContext>, IFilter<ReceiveContext>
{
    // Written by the broker when a queue's delivery limit moved the message on.
    private const string FirstQueue = "x-first-death-queue", DeathReason = "x-first-death-reason";

    private const string NotSaid = "(not kept: it named what must not be stored)";

    private static readonly byte[] NotKept = "(not kept: it held what must not be stored)"u8.ToArray();

    // Resolved when it is needed: the store sends replays by the bus, and here the bus is still being made.
    private DeadLetterStore Store => services.GetRequiredService<DeadLetterStore>();

    public static void On(IReceiveEndpointConfigurator endpoint, IServiceProvider services)
    {
        var filter = new StoreDeadLetter(services);
        LetGo.On(endpoint, services);
        endpoint.ConfigureReceive(pipe =>
        {
            pipe.UseFilter(new ReplayEnds(services));
            pipe.UseFilter(new GiveUp(filter));
        });
        endpoint.ConfigureError(pipe =>
        {
            // Whoever asked hears of it first.
            pipe.UseFilter(new GenerateFaultFilter());
            pipe.UseFilter<ExceptionReceiveContext>(filter);
        });
        endpoint.ConfigureDeadLetter(pipe => pipe.UseFilter<ReceiveContext>(filter));
    }

    public async Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next)
    {
        var cause = Cause(context.Exception);
        var body = cause is IForbidsKeeping ? NotKept : null;
        await Store.StoreAsync(Letter(context, cause.GetType().Name, cause.Message, context.Exception.ToString(), body), context.CancellationToken).ConfigureAwait(false);
        await next.Send(context).ConfigureAwait(false);
    }

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        await Store.StoreAsync(Letter(context, DeadLetterCause.Unknown, "No consumer of this queue takes a message of this contract."), context.CancellationToken).ConfigureAwait(false);
        await next.Send(context).ConfigureAwait(false);
    }

    /// <summary>Stores what was delivered too often.</summary>
    public Task GiveUpAsync(ReceiveContext context, int deliveries) => Store.StoreAsync(
        Letter(context, DeadLetterCause.DeliveryLimit, $"It was delivered {deliveries} times and never came to an end: most likely it ends its process."), context.CancellationToken);

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("dead-letter-store");

    private DeadLetter Letter(ReceiveContext context, string cause, string error, string? details = null, byte[]? instead = null)
    {
        var headers = context.TransportHeaders.GetAll().GroupBy(h => h.Key).ToDictionary(h => h.Key, h => h.First().Value?.ToString());
        var queue = context.InputAddress.AbsolutePath.Split('/')[^1];
        if (headers.GetValueOrDefault(FirstQueue) is { } died)
        {
            queue = died;
            (cause, error, details) = (DeadLetterCause.DeliveryLimit, $"It was delivered as often as the queue allows and never came to an end ({headers.GetValueOrDefault(DeathReason)}): most likely it ends its process.", null);
        }

        var body = context.GetBody();
        var messageId = context.GetMessageId();
        var types = headers.GetValueOrDefault(MessageHeaders.MessageType)?.Split(';') ?? TypesIn(body);
        var options = services.GetRequiredService<IOptions<DeadLetterOptions>>().Value;
        var kept = instead ?? (Forbidden(body) ? NotKept : body.Length > options.LargestBody ? body[..options.LargestBody] : body);
        var said = JsonSerializer.Serialize(headers);
        return new DeadLetter
        {
            Id = MessageId.Derive(messageId ?? new Guid(SHA256.HashData(body).AsSpan(0, 16)), queue),
            Queue = queue,
            Address = DeadLetter.AddressOf(queue),
            MessageId = messageId,
            SagaId = Guid.TryParse(headers.GetValueOrDefault(SagaHeaders.SagaId), out var saga) ? saga : null,
            MessageType = Short(string.Join(' ', types.Select(t => t.Split(':')[^1])), 500),
            ContentType = context.ContentType?.ToString(),
            Headers = Forbidden(said) ? "{}" : said,
            Body = kept,
            Cut = !ReferenceEquals(kept, body),
            Cause = Short(cause, 300),
            Error = Forbidden(error) ? NotSaid : error,
            Details = details is null || Forbidden(details) ? null : details,
        };
    }

    private bool Forbidden(ReadOnlySpan<byte> text)
    {
        foreach (var forbids in services.GetServices<IForbidsBodies>())
            if (forbids.Forbids(text))
                return true;
        return false;
    }

    // What was wrong with a message may quote it.
    private bool Forbidden(string text) => Forbidden(Encoding.UTF8.GetBytes(text));

    // The innermost; of a body that cannot be read the one that names the field.
    private static Exception Cause(Exception exception) => exception is JsonException || exception.InnerException is null ? exception : Cause(exception.InnerException);

    // MassTransit's envelope names its contracts (urn:message:Namespace:Name) in the body; what cannot be read names none.
    private static string[] TypesIn(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize<Envelope>(body, JsonSerializerOptions.Web)?.MessageType ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    private sealed record Envelope(string[]? MessageType);

    private static string Short(string text, int most) => text.Length <= most ? text : text[..most];
}
