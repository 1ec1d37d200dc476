using System.Text.Json;
using OrderSaga.Host.Commands;
using OrderSaga.Host.Commands.Load;

namespace OrderSaga.EndToEnd.Tests.Load;

public class When_orders_are_mixed
{
    [Fact]
    public void Should_be_the_same_orders_with_the_same_seed()
    {
        static IReadOnlyList<string> Orders(string seed)
        {
            var wishes = Plan("--mix", "complete=6,declined=2,stuck=1", "--products", "sku-apple=3,sku-pear", "--seed", seed).Wishes;
            return [.. Enumerable.Range(0, 500).Select(_ => wishes.Next()).Select(w => w.Kind.Name + w.Body.ToJsonString())];
        }

        Assert.Equal(Orders("7"), Orders("7"));
        Assert.NotEqual(Orders("7"), Orders("8"));
    }

    [Fact]
    public void Should_be_the_same_measured_orders_whatever_warmed_up()
    {
        var wishes = Plan("--mix", "complete,declined").Wishes;
        List<string> Some() => [.. Enumerable.Range(0, 50).Select(_ => wishes.Next().Kind.Name)];
        var cold = Some();
        Some();
        wishes.Restart();
        Assert.Equal(cold, Some());
    }

    [Fact]
    public void Should_come_as_often_as_they_weigh()
    {
        var wishes = Plan("--mix", "complete=6,declined=3,sold-out=1", "--products", "a=9,b=1").Wishes;
        var orders = Enumerable.Range(0, 10_000).Select(_ => wishes.Next()).ToList();
        foreach (var (meant, share) in new[] { ("complete", 6000), ("declined", 3000), ("sold-out", 1000) })
            Assert.InRange(orders.Count(w => w.Kind.Name == meant), share - 250, share + 250);
        var products = orders.CountBy(w => (string)w.Body["lines"]![0]!["productId"]!).ToDictionary();
        Assert.Equal(orders.Count(w => w.Kind.Name == "sold-out"), products["sku-none"]);
        Assert.InRange(products["a"], 7900, 8300);
        Assert.All(orders, w => Assert.Equal(w.Kind.Name == "declined" ? "tok_declined" : "tok_visa", (string)w.Body["payment"]!["token"]!));
    }

    [Fact]
    public void Should_carry_a_quote_where_there_is_one()
    {
        Assert.Equal(3.99m, Line(Plan("--price", "3.99")).GetProperty("unitPrice").GetDecimal());
        Assert.False(Line(Plan()).TryGetProperty("unitPrice", out _));
        static JsonElement Line(LoadPlan plan) => JsonElement.Parse(plan.Wishes.Next().Body.ToJsonString()).GetProperty("lines")[0];
    }

    [Theory]
    [InlineData("complete", "Complete", true)]
    [InlineData("complete", "Compensated", false)]
    [InlineData("declined", "Compensated", true)]
    [InlineData("declined", "Complete", false)]
    [InlineData("stuck", "Failed", true)]
    [InlineData("cancelled", "Complete", true)]
    [InlineData("cancelled", "Compensated", true)]
    [InlineData("cancelled", "Failed", false)]
    public void Should_know_how_each_may_end(string meant, string state, bool met) => Assert.Equal(met, Kind.Of(meant).MayEnd(state));

    [Theory]
    [InlineData("There is no ending 'done'; there are complete,", "--mix", "done")]
    [InlineData("--mix looks like a=9,b=1", "--mix", "complete=0")]
    [InlineData("--mix names complete twice", "--mix", "complete,complete")]
    [InlineData("--mix names nothing", "--mix", ",")]
    [InlineData("--in-flight and --rate exclude each other", "--in-flight", "3", "--rate", "3")]
    [InlineData("--orders is a whole number from 1", "--orders", "0")]
    [InlineData("--rate is a number from 0.01", "--rate", "fast")]
    [InlineData("--duration is a time such as 90s", "--duration", "90")]
    public void Should_say_what_is_wrong(string says, params string[] args) => Assert.StartsWith(says, Assert.Throws<UsageException>(() => Plan(args)).Message, StringComparison.Ordinal);

    internal static LoadPlan Plan(params string[] args) => LoadPlan.Read(Arguments.Read(args, [], LoadPlan.Options, []));
}
