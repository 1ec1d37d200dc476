using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator;

/// <summary>What an order must be like to be accepted, by HTTP or by bus. What a service decides (is it in stock, is the price right) is not asked here.</summary>
public static class Submission
{
    public const int MostLines = 100;
    public const int MostOfOneLine = 10_000;
    private const decimal HighestPrice = 1_000_000m;

    /// <summary>What is wrong, by field, as the client named it; empty if nothing is. Quotes count where no price is frozen.</summary>
    public static IReadOnlyDictionary<string, string[]> Check(SubmitOrder order, bool quotesCount)
    {
        var wrong = new Dictionary<string, string[]>();
        Text(wrong, "customer.id", order.Customer?.Id, 100);
        Text(wrong, "customer.email", order.Customer?.Email, 254);
        if (order.Customer?.Email is { } email && email.IndexOf('@', StringComparison.Ordinal) is var at && (at < 1 || at == email.Length - 1))
            wrong.TryAdd("customer.email", ["An e-mail address has an @ between two parts."]);
        if (order.Currency is not { Length: 3 } || !order.Currency.All(char.IsAsciiLetterUpper))
            wrong.Add("currency", ["A currency is three capital letters, such as EUR."]);
        Lines(wrong, order.Lines, quotesCount);
        Text(wrong, "shippingAddress.name", order.ShippingAddress?.Name, 200);
        Text(wrong, "shippingAddress.street", order.ShippingAddress?.Street, 200);
        Text(wrong, "shippingAddress.city", order.ShippingAddress?.City, 100);
        Text(wrong, "shippingAddress.postalCode", order.ShippingAddress?.PostalCode, 20);
        if (order.ShippingAddress?.Country is not { Length: 2 } country || !country.All(char.IsAsciiLetterUpper))
            wrong.Add("shippingAddress.country", ["A country is two capital letters, such as DE."]);
        Text(wrong, "payment.token", order.Payment?.Token, 100);
        foreach (var field in CardNumbers(order))
            wrong[field] = ["This looks like a card number. Cards are never sent here: send the token that the payment provider gave for the card."];
        return wrong;
    }

    /// <summary>The fields in which a card number stands, whatever else is wrong with them. Such a submission may not be kept anywhere.</summary>
    public static IEnumerable<string> CardNumbers(SubmitOrder order)
    {
        var (customer, address) = (order.Customer, order.ShippingAddress);
        (string Field, string? Text)[] texts =
        [
            ("customer.email", customer?.Email), ("currency", order.Currency), ("shippingAddress.name", address?.Name), ("shippingAddress.street", address?.Street),
            ("shippingAddress.city", address?.City), ("shippingAddress.postalCode", address?.PostalCode), ("shippingAddress.country", address?.Country),
            ("payment.token", order.Payment?.Token),
        ];
        var ids = (order.Lines ?? []).Select((line, i) => (Field: $"lines[{i}].productId", Text: line?.ProductId)).Prepend((Field: "customer.id", Text: customer?.Id));
        return texts.Where(t => CardNumber.IsIn(t.Text)).Concat(ids.Where(t => CardNumber.IsInId(t.Text))).Select(t => t.Field);
    }

    private static void Lines(Dictionary<string, string[]> wrong, IReadOnlyList<OrderLine>? lines, bool quotesCount)
    {
        if (lines is not { Count: > 0 and <= MostLines })
        {
            wrong.Add("lines", [$"An order has 1 to {MostLines} lines."]);
            return;
        }

        for (var i = 0; i < lines.Count; i++)
        {
            Text(wrong, $"lines[{i}].productId", lines[i]?.ProductId, 64);
            if (lines[i] is not { Quantity: > 0 and <= MostOfOneLine })
                wrong.Add($"lines[{i}].quantity", [$"A quantity is a whole number from 1 to {MostOfOneLine}."]);
            if (lines[i]?.UnitPrice is { } price && (price < 0 || price > HighestPrice || decimal.Round(price, 2) != price))
                wrong.Add($"lines[{i}].unitPrice", [$"A price is a number from 0 to {HighestPrice} with at most two decimals."]);
            if (quotesCount && lines[i] is { UnitPrice: null })
                wrong.Add($"lines[{i}].unitPrice", ["Prices are not looked up here: say the price that the customer saw."]);
        }
    }

    private static void Text(Dictionary<string, string[]> wrong, string field, string? value, int longest)
    {
        if (string.IsNullOrWhiteSpace(value) || value.Length > longest || value.Any(char.IsControl))
            wrong.Add(field, [$"A text of 1 to {longest} characters is required."]);
    }
}
