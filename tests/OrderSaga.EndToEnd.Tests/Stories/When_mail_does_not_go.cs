using System.Diagnostics;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>Mail is the last thing, and the least: it is retried for itself, and changes no order.</summary>
[Collection(nameof(StoryShop))]
public class When_mail_does_not_go(StoryShop story)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Story", "O2")]
    public async Task Should_complete_the_order_and_send_it_after_the_weekend()
    {
        story.Mail.Says = Down;
        var order = await story.OrderAsync(Shop.Order());
        await story.EndOfAsync(order, "Complete");
        var now = await story.AdvanceAsync(TimeSpan.FromSeconds(1));
        for (var (tries, monday) = (1, now + TimeSpan.FromDays(2)); now < monday; tries++)
        {
            // From one try to the next.
            await UntilTriedAsync(order, tries);
            Assert.Equal("accepted", await NoticeAsync(order, "status"));
            var due = await story.Place.ScalarAsync<DateTime>($"SELECT due FROM notification.notifications WHERE order_id = '{order}'");
            now = await story.AdvanceAsync(due - now > TimeSpan.Zero ? due - now + TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(1));
        }

        Assert.Empty(story.MailsOf(order));
        story.Mail.Says = Up;
        await story.Shop.UntilAsync(story.Place, () => Task.FromResult(story.MailsOf(order).Count > 0), () => NoticeAsync(order, "concat_ws(' ', status, tries, due)"), leap: TimeSpan.FromHours(1));
        Assert.Equal("Complete", (await story.Shop.ReadAsync(order, Ct)).GetProperty("state").GetString());
        Assert.Equal("charged 3.99, refunded 0.00", await story.Shop.LedgerAsync(order));
        await story.AgreesAsync((order, "confirmation"));
    }

    [Fact, Trait("Story", "O7")]
    public async Task Should_send_the_apology_later_and_leave_the_end_as_it_is()
    {
        story.Mail.Says = Down;
        Guid order;
        // Neither the word that it is taken over nor the mail itself gets through.
        await using (var answers = await story.Place.Broker.DivertAsync("apology-sent"))
        {
            order = await story.OrderAsync(Shop.Order(token: "tok_declined"));
            await answers.LostAsync(order);
        }

        await story.Place.WaitsForAsync(order, "SendApology awaiting 1");
        await story.EndOfAsync(order, "Compensated", "CARD_DECLINED");
        await UntilTriedAsync(order, 1);
        var end = await story.Shop.ReadAsync(order, Ct);
        story.Mail.Says = Up;
        await story.Shop.UntilAsync(story.Place, () => Task.FromResult(story.MailsOf(order).Count > 0), () => NoticeAsync(order, "concat_ws(' ', status, tries, due)"));
        await story.AgreesAsync((order, "apology"));
        Assert.Equal(end.GetRawText(), (await story.Shop.ReadAsync(order, Ct)).GetRawText());
    }

    private static Task<string?> Down(string verb) => Task.FromResult<string?>("421 closed for the weekend");

    private static Task<string?> Up(string verb) => Task.FromResult<string?>(null);

    private Task<string> NoticeAsync(Guid order, string what) => story.Place.ScalarAsync<string>($"SELECT {what} FROM notification.notifications WHERE order_id = '{order}'");

    // So often, and each try is over.
    private async Task UntilTriedAsync(Guid order, int tries)
    {
        for (var patience = Stopwatch.StartNew(); story.Shop.Output.Split($"of order {order} could not be delivered").Length - 1 < tries; await Task.Delay(25, Ct))
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), $"Not tried {tries} times: {await NoticeAsync(order, "concat_ws(' ', status, tries, due)")}");
    }
}
