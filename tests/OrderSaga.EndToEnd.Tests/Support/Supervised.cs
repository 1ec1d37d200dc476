namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>A program that is started again whenever it has died, as somebody does with programs in production.</summary>
internal sealed class Supervised(Func<Shop> launch) : IAsyncDisposable
{
    private Shop shop = launch();

    public int Deaths { get; private set; }

    /// <summary>Asks the one that is up; if it dies over it, the next one.</summary>
    public async Task<T> AskAsync<T>(Func<Shop, Task<T>> ask, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await shop.ReadyAsync(ct);
                return await ask(shop);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException)
            {
                if (!await shop.HasDiedAsync())
                    throw;
            }

            Deaths++;
            await shop.DisposeAsync();
            shop = launch();
        }
    }

    public async ValueTask DisposeAsync() => await shop.DisposeAsync();
}
