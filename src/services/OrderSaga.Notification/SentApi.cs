using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Deliveries;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Services;

/// <summary>What was sent because of an order. Who knows an order's id may see it; nobody sees all.</summary>
internal static class SentApi
{
    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/notification/sent", ReadAsync)
        .WithSummary("Read what was sent because of an order")
        .WithDescription("By `?orderId=`.")
        .Answers(200, "The notices, the first one first.", typeof(IReadOnlyList<Sent>))
        .Refuses(400, "query-invalid", "it is not said whose notices");

    private static async Task<IResult> ReadAsync(HttpRequest request, NotificationDb db, CancellationToken ct)
    {
        if (!Guid.TryParse(request.Query["orderId"], out var orderId))
            return Problems.Invalid("query", new Dictionary<string, string[]> { ["orderId"] = ["Say whose notices: ?orderId= and the id of an order."] });
        var sent = await db.Notifications.AsNoTracking().Where(n => n.OrderId == orderId && n.Status == DeliveryStatus.Sent).OrderBy(n => n.SentAt)
            .ToListAsync(ct).ConfigureAwait(false);
        return Results.Ok(sent.Select(n => new Sent(n.OrderId, n.Kind, n.Channel, n.Recipient, n.Subject, n.Text, n.SentAt)));
    }

    private sealed record Sent(Guid OrderId, string Kind, string? Channel, string Recipient, string Subject, string Text, DateTimeOffset? SentAt);
}
