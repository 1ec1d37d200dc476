using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Orchestrator;

// What a person knows of an order: the end of its number, an e-mail address, a product, a name.
public sealed partial class Queries
{
    private const int ShortName = 8;

    /// <summary>What an order is about.</summary>
    public async Task<OrderContent?> ContentAsync(Guid orderId, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await Db(scope).FindAsync(orderId, ct).ConfigureAwait(false) is { } order
            ? new(order.CustomerId, order.Customer.Email, order.Lines, order.Address, order.Submitted.GiftWrap, order.IdempotencyKey, order.Faults)
            : null;
    }

    private static IQueryable<OrderState> Matching(IQueryable<OrderState> orders, OrderFilter filter)
    {
        if (filter.Reason is { } reason)
            orders = orders.Where(o => o.Reason == reason);
        if (filter.Text is not { } text)
            return orders;
        // It is kept as JSON, and is looked for as it stands there.
        var pattern = $"%{Escaped(JsonEncodedText.Encode(text).ToString())}%";
#pragma warning disable CA1308 // databases write ids in small letters
        var digits = text.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
#pragma warning restore CA1308
        return digits.Length is >= 4 and <= ShortName && digits.All(char.IsAsciiHexDigit)
            ? orders.Where(o => o.CorrelationId.ToString().EndsWith(digits) || EF.Functions.Like((string)(object)o.Submitted, pattern, "!"))
            : orders.Where(o => EF.Functions.Like((string)(object)o.Submitted, pattern, "!"));
    }

    private static string Escaped(string text) => string.Concat(text.Select(c => c is '!' or '%' or '_' or '[' ? $"!{c}" : $"{c}"));
}
