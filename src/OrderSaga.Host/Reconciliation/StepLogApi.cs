using OrderSaga.Messaging.Http;

namespace OrderSaga.Host.Reconciliation;

/// <summary>What every service's own log says of an order: one list, though each keeps its part in its own database.</summary>
internal static class StepLogApi
{
    public static void MapStepLogs(this IEndpointRouteBuilder app) =>
        app.MapGet("/ops/orders/{orderId:guid}/step-log", (Guid orderId, HostBooks books, CancellationToken ct) => ReadAsync(orderId, books, ct)).ForReaders();

    private static async Task<IResult> ReadAsync(Guid orderId, HostBooks books, CancellationToken ct) =>
        Results.Ok(new { orderId, notAsked = books.NotAsked, lines = await books.StepsAsync(orderId, ct).ConfigureAwait(false) });
}
