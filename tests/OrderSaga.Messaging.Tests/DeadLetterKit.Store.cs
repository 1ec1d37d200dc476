using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

// What is in the store: its bounds, and what people see of it.
public abstract partial class DeadLetterKit
{
    [Fact]
    public async Task Should_keep_no_more_of_a_body_than_is_allowed()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Services = s => s.Configure<DeadLetterOptions>(o => o.LargestBody = 100) });
        await node.CountAsync(counter, 0);
        var letter = await FirstAsync(node);
        Assert.Equal((100, true), (letter.Body.Length, letter.Cut));
        Assert.Contains("not kept as it came", (await ReplayAsync(node, letter, "ann")).Why, StringComparison.Ordinal);
        Assert.False(Assert.Single((await node.Desk.ListAsync(new(), page: null, Ct))!.Items).Replayable);
        Assert.Equal(LetterAnswer.Decided, (await node.Desk.DiscardAsync(letter.Id, "too large", "ann", Ct)).Answer);
    }

    [Fact]
    public async Task Should_stay_within_its_bounds_and_say_what_was_too_much()
    {
        await using var database = await server.CreateAsync();
        var time = new ManualTime();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Services = s =>
            {
                Keeps(s);
                s.AddSingleton<TimeProvider>(time).Configure<DeadLetterOptions>(o => (o.MostPerQueue, o.Kept) = (3, TimeSpan.FromDays(2)));
            },
        });
        var store = node.Services.GetRequiredService<DeadLetterStore>();
        for (var i = 0; i < 8; i++)
        {
            await store.StoreAsync(Letter(i % 4 == 3 ? "small" : "flood"), Ct);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        // Its first look may have come when there were four of them already.
        var all = await InOpsAsync(node, db => db.DeadLetters.OrderBy(l => l.At).Select(l => l.Id).ToListAsync(Ct));
        time.Advance(TimeSpan.FromMinutes(1));
        await Eventually.HoldsAsync(async () => (await node.DeadLettersAsync()).Count == 5, "five that wait");
        var discarded = await InOpsAsync(node, db => db.DeadLetters.Where(l => l.Status == DeadLetterStatus.Discarded).OrderBy(l => l.At).ToListAsync(Ct));
        Assert.Equal(all[..3], discarded.Select(l => l.Id));
        Assert.All(discarded, l => Assert.Equal(("flood", 0, true, "DeadLetters:MostPerQueue"), (l.Queue, l.Body.Length, l.Cut, l.SettledBy)));
        var alert = await InOpsAsync(node, db => db.Alerts.SingleAsync(Ct));
        Assert.Equal("More than 3 dead letters wait in flood: the oldest are discarded", alert.Text);
        // What was decided about is kept for its time; what waits, as long as it waits.
        time.Advance(TimeSpan.FromDays(3));
        await Eventually.HoldsAsync(async () => await InOpsAsync(node, db => db.DeadLetters.CountAsync(Ct)) == 5, "the five that wait, alone");
    }

    [Fact]
    public async Task Should_wait_again_when_a_replay_got_lost_with_its_queue()
    {
        await using var database = await server.CreateAsync();
        var time = new ManualTime();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Services = s =>
            {
                Keeps(s);
                s.AddSingleton<TimeProvider>(time);
            },
        });
        // Nobody listens there, and the transport forgets it.
        var letter = Letter("deserted");
        await node.Services.GetRequiredService<DeadLetterStore>().StoreAsync(letter, Ct);
        Assert.Equal((LetterAnswer.Decided, DeadLetterStatus.Replaying), Said(await ReplayAsync(node, letter, "ann")));
        Assert.Empty(await node.DeadLettersAsync());
        for (var minute = 0; minute < 7; minute++)
            time.Advance(TimeSpan.FromMinutes(1));
        await BecomesAsync(node, letter, DeadLetterStatus.Waiting);
        Assert.Equal(1, Assert.Single(await node.DeadLettersAsync()).Times);
    }

    [Fact]
    public async Task Should_be_listed_by_what_they_are_page_by_page_and_counted_by_kind()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var store = node.Services.GetRequiredService<DeadLetterStore>();
        for (var i = 0; i < 53; i++)
            await store.StoreAsync(Letter(i == 7 ? "other" : "flood"), Ct);
        var first = (await node.Desk.ListAsync(new(Status: DeadLetterStatus.Waiting), page: null, Ct))!;
        var last = (await node.Desk.ListAsync(new(Status: DeadLetterStatus.Waiting), first.Next, Ct))!;
        Assert.Equal((50, 3, null), (first.Items.Count, last.Items.Count, last.Next));
        Assert.Equal(53, first.Items.Concat(last.Items).Select(l => l.Id).Distinct().Count());
        Assert.Null(await node.Desk.ListAsync(new(), "2", Ct));
        var other = Assert.Single((await node.Desk.ListAsync(new("other", nameof(Count), "Test", counter, TimeProvider.System.GetUtcNow().AddHours(-1)), page: null, Ct))!.Items);
        Assert.Equal((counter, DeadLetterStatus.Waiting), (other.OrderId, other.Status));
        Assert.Empty((await node.Desk.ListAsync(new(Since: TimeProvider.System.GetUtcNow().AddHours(1)), page: null, Ct))!.Items);
        Assert.Equal([("flood", 52), ("other", 1)], (await node.Desk.KindsAsync(new(), Ct)).Select(k => (k.Queue, k.Count)));
        Assert.Equal(53, (await node.Desk.WaitingAsync(Ct)).Waiting);
        var selected = (await node.Desk.SelectAsync(new("flood"), page: null, 2, Ct))!;
        Assert.Equal((2, 52), (selected.Items.Count, selected.Matched));
        var file = (await node.Desk.FindAsync(other.Id, Ct))!;
        Assert.Equal("{\"token\":\"***\",\"by\":1}", file.Body!.ToJsonString());
        Assert.Equal("{\"saga-id\":\"x\",\"api-key\":\"***\"}", file.Headers!.ToJsonString());
    }

    [Theory]
    [InlineData("plain words", "\"plain words\"")]
    [InlineData("{ \"a\": { \"paymentToken\": \"tok_1\", \"n\": null } }", "{\"a\":{\"paymentToken\":\"***\",\"n\":null}}")]
    [InlineData("{ \"Password\": \"a\\\"b\", \"cut", "\"{ \\u0022Password\\u0022: \\u0022***\\u0022, \\u0022cut\"")]
    [InlineData("\u0001\u0002", null)]
    public void Should_show_a_body_to_people_without_its_secrets(string body, string? shown) =>
        Assert.Equal(shown, Shown.Body(System.Text.Encoding.UTF8.GetBytes(body))?.ToJsonString());
}
