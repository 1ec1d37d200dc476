using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrderSaga.Host.Commands.Load;

/// <summary>Places the orders of a plan, and sees them come to rest.</summary>
internal sealed class LoadRun(LoadPlan plan, HttpClient http, IEnds ends, TimeProvider time)
{
    // A shop that fails at once would else have failed all orders before anybody can look.
    private static readonly TimeSpan AfterError = TimeSpan.FromMilliseconds(100), BetweenLooks = TimeSpan.FromMilliseconds(200);

    private readonly string run = $"{Guid.NewGuid():N}";
    private int sent;

    /// <summary>Hears of every order that was accepted.</summary>
    public Action<Guid, Kind>? Placed { get; init; }

    /// <summary>Places so many orders, or as many as fit into a time; true unless it was given up because nothing happened any more.</summary>
    public async Task<bool> RunAsync(Tally tally, int? count, TimeSpan? limit, CancellationToken ct)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watching = WatchAsync(tally, end, done.Token);
        var left = count ?? int.MaxValue;
        // At a rate it is settled how many fit into a time, however late they are sent.
        if (plan.PerSecond * limit?.TotalSeconds is { } fit)
            (left, limit) = ((int)Math.Min(left, Math.Ceiling(fit)), null);
        bool More() => !end.IsCancellationRequested && !(tally.Elapsed > limit) && Interlocked.Decrement(ref left) >= 0;
        await (plan.PerSecond is { } rate ? ComeAsync(rate, tally, More, end.Token) : Task.WhenAll(Enumerable.Range(0, plan.AtATime!.Value).Select(_ => FollowEachOtherAsync(tally, More, end.Token))));
        await done.CancelAsync();
        return !await watching;
    }

    /// <summary>Places one order that is not counted, to see whether any is taken.</summary>
    public async Task<Guid> TryAsync(CancellationToken ct)
    {
        try
        {
            return await PlaceAsync(plan.Wishes.Plain(), ct);
        }
        catch (RefusedException e)
        {
            throw new CommandException($"The shop at {http.BaseAddress} takes no orders: {e.Why}");
        }
        catch (Exception e) when (Trouble(e, ct) is { } trouble)
        {
            throw new CommandException($"No shop answers at {http.BaseAddress} ({trouble}): start it, say with {ShopClient.Url} where it is, or leave that out to have one started.");
        }
    }

    // One at a time, as long as there are more.
    private async Task FollowEachOtherAsync(Tally tally, Func<bool> more, CancellationToken ct)
    {
        while (more())
            if (!await SeeThroughAsync(tally, time.GetTimestamp(), ct))
                await Task.Delay(AfterError, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // When each is due was settled at the beginning: one that cannot be sent in time has waited since then.
    private async Task ComeAsync(double rate, Tally tally, Func<bool> more, CancellationToken ct)
    {
        var (began, all) = (time.GetTimestamp(), new List<Task>());
        for (var n = 0; more(); n++)
        {
            var due = began + (long)(n / rate * time.TimestampFrequency);
            if (time.GetElapsedTime(time.GetTimestamp(), due) is var ahead && ahead > TimeSpan.Zero)
                await Task.Delay(ahead, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ct.IsCancellationRequested)
                break;
            all.Add(SeeThroughAsync(tally, due, ct));
        }

        await Task.WhenAll(all);
    }

    private async Task<bool> SeeThroughAsync(Tally tally, long due, CancellationToken ct)
    {
        var (wish, sending) = (plan.Wishes.Next(), time.GetTimestamp());
        tally.Sends(time.GetElapsedTime(due, sending));
        try
        {
            var order = await PlaceAsync(wish.Body, ct);
            tally.Accepted(time.GetElapsedTime(due));
            Placed?.Invoke(order, wish.Kind);
            if (wish.Kind.Cancels)
                await CancelAsync(order, ct);
            tally.Ends(wish.Kind, await ends.OfAsync(order, ct), due);
            return true;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            tally.Leaves();
            return true;
        }
        catch (Exception e) when (Trouble(e, ct) is { } trouble)
        {
            tally.Errs(trouble);
            return false;
        }
    }

    private async Task<Guid> PlaceAsync(JsonObject body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "orders") { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("Idempotency-Key", $"{run}-{Interlocked.Increment(ref sent)}");
        using var response = await http.SendAsync(request, ct);
        var answer = await response.Content.ReadAsStringAsync(ct);
        return response.StatusCode == HttpStatusCode.Accepted && JsonElement.Parse(answer).TryGetProperty("orderId", out var id) && id.TryGetGuid(out var order)
            ? order
            : throw new RefusedException(response.StatusCode, answer);
    }

    private async Task CancelAsync(Guid order, CancellationToken ct)
    {
        using var response = await http.PostAsync(new Uri($"orders/{order}/cancel", UriKind.Relative), content: null, ct);
        // 409 is past the point of no return.
        if (!response.IsSuccessStatusCode && response.StatusCode != HttpStatusCode.Conflict)
            throw new RefusedException(response.StatusCode, await response.Content.ReadAsStringAsync(ct));
    }

    private async Task<bool> WatchAsync(Tally tally, CancellationTokenSource end, CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            await Task.Delay(BetweenLooks, time, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (tally.Silent <= plan.Silence || done.IsCancellationRequested)
                continue;
            await end.CancelAsync();
            return true;
        }

        return false;
    }

    // Few words, so that the same trouble is counted together.
    private static string? Trouble(Exception e, CancellationToken ct) => e switch
    {
        RefusedException => e.Message,
        HttpRequestException http => $"HTTP: {http.HttpRequestError}",
        JsonException => "answers that are no orders",
        OperationCanceledException when !ct.IsCancellationRequested => "no answer in time",
        IOException => "HTTP: ResponseEnded",
        _ => null,
    };

    private sealed class RefusedException(HttpStatusCode status, string answer) : Exception($"{(int)status} {Said(answer, "title")}".Trim())
    {
        /// <summary>With what it says of this one order.</summary>
        public string Why => $"{Message} {Said(answer, "detail")} {Said(answer, "errors")}".Trim();

        private static string Said(string answer, string name)
        {
            try
            {
                return JsonElement.Parse(answer) is { ValueKind: JsonValueKind.Object } problem ? problem.Text(name) : "";
            }
            catch (JsonException)
            {
                return "";
            }
        }
    }
}
