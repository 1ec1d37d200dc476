using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Host.Reconciliation;

/// <summary>What every service's own log says of an order: one list, though each keeps its part in its own database.</summary>
internal static class StepLogApi
{
    private static readonly string[] Services = ["orders", "inventory", "pricing", "payment", "shipping", "notification"];

    private sealed record Line(string Service, string Step, bool Undo, string Status, DateTimeOffset At);

    public static void MapStepLogs(this IEndpointRouteBuilder app, Settings settings, Func<string, Database> databaseOf) =>
        app.MapGet("/ops/orders/{orderId:guid}/step-log", (Guid orderId, CancellationToken ct) => ReadAsync(settings, databaseOf, orderId, ct)).ForReaders();

    private static async Task<IResult> ReadAsync(Settings settings, Func<string, Database> databaseOf, Guid orderId, CancellationToken ct)
    {
        var known = Services.Where(settings.Database.Knows).ToList();
        var lines = await Task.WhenAll(known.Select(service => ReadAsync(databaseOf(service), service, orderId, ct))).ConfigureAwait(false);
        return Results.Ok(new { orderId, notAsked = Services.Except(known), lines = lines.SelectMany(l => l).OrderBy(l => l.At) });
    }

    private static async Task<List<Line>> ReadAsync(Database database, string service, Guid orderId, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand($"SELECT step, undo, status, at FROM {service}.step_log WHERE order_id = @order_id");
        var order = command.CreateParameter();
        (order.ParameterName, order.Value) = ("order_id", orderId);
        command.Parameters.Add(order);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var lines = new List<Line>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
            lines.Add(new(service, reader.GetString(0), reader.GetBoolean(1), reader.GetString(2), reader.GetFieldValue<DateTimeOffset>(3)));
        return lines;
    }
}
