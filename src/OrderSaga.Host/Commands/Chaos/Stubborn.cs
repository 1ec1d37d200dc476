namespace OrderSaga.Host.Commands.Chaos;

/// <summary>Clients as they should be: what is not answered, or with an outage, is sent again, to whoever is there, until it is.</summary>
internal sealed class Stubborn(Func<IReadOnlyList<Uri>> doors, TimeProvider time) : DelegatingHandler(new SocketsHttpHandler { UseProxy = false })
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(200);
    private int again, turn;

    /// <summary>How many requests had to be sent again.</summary>
    public int Again => again;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.PathAndQuery;
        for (; ; await Task.Delay(Pause, time, cancellationToken))
        {
            if (doors() is { Count: > 0 } up)
            {
                request.RequestUri = new Uri(up[(int)((uint)Interlocked.Increment(ref turn) % up.Count)], path);
                if (await TryAsync(request, cancellationToken) is { } response)
                    return response;
            }

            Interlocked.Increment(ref again);
        }
    }

    private async Task<HttpResponseMessage?> TryAsync(HttpRequestMessage request, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        HttpResponseMessage? response = null;
        try
        {
            response = await base.SendAsync(request, patience.Token);
            if ((int)response.StatusCode < 500)
            {
                // Half an answer is none; but events have no end.
                if (response.Content.Headers.ContentType?.MediaType != "text/event-stream")
                    await response.Content.LoadIntoBufferAsync(patience.Token);
                return response;
            }
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or IOException)
        {
            // It may have been done, or not: that is what the key is for.
        }

        response?.Dispose();
        return null;
    }
}
