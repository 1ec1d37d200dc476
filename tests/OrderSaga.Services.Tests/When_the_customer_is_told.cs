using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_the_customer_is_told(Shop shop) : IClassFixture<Shop>
{
    private static readonly Customer Ann = new("c-1", "ann@example.org");
    private readonly Guid orderId = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_say_what_was_charged()
    {
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1234.5m, "EUR"));

        Assert.Equal("confirmation sent ann@example.org", await NoticesAsync("kind, status, recipient"));
        Assert.Contains("1234.50 EUR", await NoticesAsync("text"));
    }

    [Fact]
    public async Task Should_say_why_an_order_was_cancelled()
    {
        await shop.AskAsync(new SendApology(orderId, Ann, "OUT_OF_STOCK"));

        Assert.Equal("apology sent ann@example.org", await NoticesAsync("kind, status, recipient"));
        Assert.Contains("OUT_OF_STOCK", await NoticesAsync("text"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nowhere")]
    [InlineData("@example.org")]
    [InlineData("ann@")]
    [InlineData("ann@example.org\nBcc: all@example.org")]
    public async Task Should_refuse_to_confirm_to_what_is_no_address(string email)
    {
        var answer = await shop.AskAsync(new SendConfirmation(orderId, Ann with { Email = email }, 1, "EUR"));

        Assert.Equal("BAD_RECIPIENT", Assert.IsType<ConfirmationRefused>(answer.Message).Reason);
        Assert.Equal("", await NoticesAsync("kind"));
    }

    [Fact]
    public async Task Should_keep_an_apology_that_can_reach_nobody()
    {
        var nobody = Ann with { Email = new string('a', 400) };

        Assert.IsType<ApologySent>((await shop.AskAsync(new SendApology(orderId, nobody, new string('x', 5000)))).Message);
        Assert.Equal("apology undeliverable", await NoticesAsync("kind, status"));
    }

    [Fact]
    public async Task Should_show_what_the_sink_kept_to_who_knows_the_order()
    {
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 7.98m, "EUR"));
        await shop.AskAsync(new SendConfirmation(Guid.NewGuid(), Ann, 1, "EUR"));

        var sent = Assert.Single((await shop.Http.GetFromJsonAsync<JsonElement>($"/notification/sent?orderId={orderId}", Ct)).EnumerateArray());
        Assert.Equal(orderId, sent.GetProperty("orderId").GetGuid());
        Assert.Equal(("confirmation", "sink", "ann@example.org"), (Text("kind"), Text("channel"), Text("recipient")));
        Assert.Contains("7.98 EUR", Text("text"));
        Assert.Contains(orderId.ToString(), Text("subject"));
        Assert.True(sent.GetProperty("sentAt").GetDateTimeOffset() > DateTimeOffset.UnixEpoch);

        string Text(string name) => sent.GetProperty(name).GetString()!;
    }

    [Fact]
    public async Task Should_show_nothing_that_was_not_sent_and_nothing_to_who_names_no_order()
    {
        await shop.AskAsync(new SendApology(orderId, Ann with { Email = "nowhere" }, "OUT_OF_STOCK"));

        Assert.Equal("[]", await shop.Http.GetStringAsync($"/notification/sent?orderId={orderId}", Ct));
        foreach (var query in new[] { "", "?orderId=", "?orderId=seven", $"?orderId={orderId}&orderId={orderId}" })
        {
            using var response = await shop.Http.GetAsync($"/notification/sent{query}", Ct);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.True((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("errors").TryGetProperty("orderId", out _));
        }
    }

    private Task<string> NoticesAsync(string columns) => shop.ReadAsync($"SELECT {columns} FROM notification.notifications WHERE order_id = @id", orderId);
}
