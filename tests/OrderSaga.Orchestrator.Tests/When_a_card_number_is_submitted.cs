using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator.Tests;

public class When_a_card_number_is_submitted
{
    private static readonly SubmitOrder Good = new(
        Guid.NewGuid(), new("c-1", "a@example.org"), "EUR", [new("sku-apple", 1)], new("A", "B 1", "C", "12345", "DE"), new("tok_visa"));

    public static TheoryData<string> Cards =>
    [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111 1111-11111111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "5555555555554444", "2223003122003222",
        "378282246310005", "3782 822463 10005", "30569309025904", "6011111111111117", "3530111333300000", "6200000000000005", "4000000000000000006",
    ];

    [Theory]
    [MemberData(nameof(Cards))]
    public void Should_be_refused_in_every_text_of_the_order(string card)
    {
        Assert.All(EveryField(card), o => Assert.Equal([o.Field], Submission.Check(o.Order, quotesCount: false).Keys));
        Assert.All(EveryField($"Mr. A ({card})"), o => Assert.Contains(o.Field, Submission.Check(o.Order, quotesCount: false).Keys));
        Assert.All(EveryField($"B 1 {card}, 7"), o => Assert.Contains(o.Field, Submission.Check(o.Order, quotesCount: false).Keys));
    }

    [Theory]
    [MemberData(nameof(Cards))]
    public void Should_not_be_repeated_in_what_is_said(string card) => Assert.All(EveryField(card), o =>
    {
        Assert.All(Submission.Check(o.Order, quotesCount: false).Values.SelectMany(v => v), said => Assert.DoesNotContain(card, said, StringComparison.Ordinal));
        var error = Assert.Throws<CardNumberException>(() => new OrderState().Accept(o.Order, quotesCount: false));
        Assert.Contains(o.Field, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(card, error.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Should_be_noticed_in_a_second_submission_and_in_one_that_is_wrong_anyway()
    {
        var state = new OrderState();
        state.Accept(Good, quotesCount: false);
        var card = Good with { Payment = new("4111111111111111") };
        Assert.Throws<CardNumberException>(() => state.Accept(card, quotesCount: false));
        Assert.Throws<CardNumberException>(() => new OrderState().Accept(card with { Customer = null!, Lines = null! }, quotesCount: false));
        Assert.Throws<CardNumberException>(() => new OrderState().Accept(Good with { Payment = new($"{new string('x', 1000)} 4111111111111111") }, quotesCount: false));
    }

    [Theory]
    [InlineData("4111111111111112")] // does not pass the check
    [InlineData("+49 170 1234567")]
    [InlineData("0049-30-901820-123")]
    [InlineData("2026-11-21 15:04")]
    [InlineData("Street 12, 12345 City")]
    [InlineData("tok_1Nf411111111111111118x")] // passes it within a token
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("12345678-1234-1234-1234-123456789011")] // a GUID of digits, with two groups that pass it
    public void Should_not_be_seen_in_what_is_none(string text) =>
        Assert.All(EveryField(text), o => Assert.DoesNotContain("card", string.Join(' ', Submission.Check(o.Order, quotesCount: false).Values.SelectMany(v => v)), StringComparison.Ordinal));

    [Theory]
    [InlineData("4006381333931")] // EAN-13
    [InlineData("4006381333023")] // EAN-13 that passes the check
    [InlineData("1234567890123456785")] // a snowflake that passes it
    [InlineData("1700000000004")] // milliseconds that pass it
    [InlineData("356938035643809")] // IMEI: made to pass it
    public void Should_not_be_seen_in_the_long_numbers_that_ids_are(string id) =>
        Assert.Empty(Submission.Check(Good with { Customer = Good.Customer with { Id = id }, Lines = [new(id, 1)] }, quotesCount: false));

    private static IEnumerable<(string Field, SubmitOrder Order)> EveryField(string text)
    {
        var address = Good.ShippingAddress;
        yield return ("customer.id", Good with { Customer = Good.Customer with { Id = text } });
        yield return ("customer.email", Good with { Customer = Good.Customer with { Email = $"{text}@example.org" } });
        yield return ("currency", Good with { Currency = text });
        yield return ("lines[1].productId", Good with { Lines = [new("sku-apple", 1), new(text, 1)] });
        yield return ("shippingAddress.name", Good with { ShippingAddress = address with { Name = text } });
        yield return ("shippingAddress.street", Good with { ShippingAddress = address with { Street = text } });
        yield return ("shippingAddress.city", Good with { ShippingAddress = address with { City = text } });
        yield return ("shippingAddress.postalCode", Good with { ShippingAddress = address with { PostalCode = text } });
        yield return ("shippingAddress.country", Good with { ShippingAddress = address with { Country = text } });
        yield return ("payment.token", Good with { Payment = new(text) });
    }
}
