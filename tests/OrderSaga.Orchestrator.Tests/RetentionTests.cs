using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

/// <summary>Orders that came to rest leave the table of orders, and nobody misses them: on a real database, with a clock that jumps.</summary>
public sealed class When_an_order_is_archived : IAsyncLifetime
{
    private readonly Gate gate = new();
    private TestDatabase database = null!;
    private Node node = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        node = await Node.StartAsync(database);
    }

    public async ValueTask DisposeAsync()
    {
        gate.Open();
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_show_it_as_before_and_know_its_submission_again()
    {
        var order = Participants.Order(Guid.Empty);
        var id = (await node.Intake.SubmitAsync(order, "key-1", Ct)).OrderId;
        await node.ReachesAsync(id, "Complete");
        var before = await ShownAsync(id);
        await node.IsArchivedAsync(id);

        Assert.Equal(before, await ShownAsync(id));
        Assert.Equal(new Accepted(id), await node.Intake.SubmitAsync(order, "key-1", Ct));
        await Assert.ThrowsAsync<IdempotencyKeyReusedException>(() => node.Intake.SubmitAsync(order with { Currency = "USD" }, "key-1", Ct));
        Assert.Empty((await node.Queries.ListAsync(new(), page: null, Ct))!.Items);
        Assert.Equal([id], (await node.Queries.ListAsync(new("Complete", "Completed", TimeSpan.FromHours(1), Customer: "c-1", Archived: true), page: null, Ct))!.Items.Select(o => o.OrderId));
        var told = await node.HearsAsync<CheckoutOutcomes>(() => node.Bus.Publish(new AskOutcome([id, Guid.NewGuid()]), Ct));
        Assert.Equal([new CheckoutOutcome(id, "Complete")], told.Outcomes);
        Assert.Null(await node.Queries.FindAsync(Guid.NewGuid(), Ct));
    }

    [Fact]
    public async Task Should_decide_about_it_as_about_any_that_has_ended()
    {
        var complete = await node.SubmitAsync();
        await node.ReachesAsync(complete, "Complete");
        node.They.Refuses("CreateShipment", "BAD_ADDRESS");
        var undone = await node.SubmitAsync();
        await node.ReachesAsync(undone, "Compensated");
        await node.IsArchivedAsync(complete, undone);

        var customer = await node.Operations.CancelAsync(complete, null, actor: null, Ct);
        Assert.Equal((Answer.Refused, "The order is complete.", "Complete"), (customer.Answer, customer.Why, customer.State));
        Assert.Equal(Answer.Already, (await node.Operations.CancelAsync(undone, null, actor: null, Ct)).Answer);
        Assert.Equal(2, await node.ReadAsync(db => db.Archive.CountAsync(Ct)));
        // What an operator tries is kept, with the row that it was decided on.
        Assert.Equal(Answer.Refused, (await node.Operations.CancelAsync(complete, null, "ann", Ct)).Answer);
        Assert.Equal("denied", await node.ReadAsync(db => db.Audit.Where(a => a.OrderId == complete).Select(a => a.Outcome).SingleAsync(Ct)));
        await node.IsArchivedAsync(complete);
    }

    [Fact]
    public async Task Should_undo_what_turns_out_to_be_done_after_a_day()
    {
        var id = await CancelledAtTheShipmentAsync();
        await node.IsArchivedAsync(id);

        node.They.Wakes("CancelShipment");
        var alert = await node.HearsAsync<CheckoutNeedsAttention>(() => node.Bus.Publish(new ShipmentCreated(id, "L-1"), Ct));
        Assert.Contains("CreateShipment was done after all", alert.Alert, StringComparison.Ordinal);
        await Script.Until(() => node.Find(id) is { CurrentState: "Compensated", Asked: null });
        node.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment CancelShipment RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology CancelShipment");
        Assert.False(await node.ReadAsync(db => db.Archive.AnyAsync(Ct)));
        Assert.Equal(["rearmed", "undone"], await node.ReadAsync(db => db.Log.Where(e => e.OrderId == id).OrderByDescending(e => e.Seq).Take(2).OrderBy(e => e.Seq).Select(e => e.Status).ToListAsync(Ct)));
        // Whoever looks for it finds it where it was, until nothing has happened to it for a day.
        node.Time.Set(TimeSpan.FromHours(23));
        await node.TidiesAsync();
        Assert.NotNull(node.Find(id));
        await node.IsArchivedAsync(id);
    }

    [Fact]
    public async Task Should_know_a_message_again_that_it_has_heard()
    {
        var (id, heard) = (await CancelledAtTheShipmentAsync(), Guid.NewGuid());
        await node.HandlesAsync(new OrderCreated(id), heard);
        await node.IsArchivedAsync(id);
        var before = await ShownAsync(id);

        await node.HandlesAsync(new OrderCreated(id), heard);
        Assert.Equal(before, await ShownAsync(id));
        Assert.Null(node.Find(id));
    }

    [Theory, InlineData("submit"), InlineData("cancel")]
    public async Task Should_refuse_what_comes_by_bus_for_it_by_the_name_of_the_archive(string what)
    {
        var id = await node.SubmitAsync();
        await node.ReachesAsync(id, "Complete");
        await node.IsArchivedAsync(id);
        var why = what == "submit"
            ? (await node.HearsAsync<Fault<SubmitOrder>>(() => node.Bus.Publish(Participants.Order(id), Ct))).Exceptions[0].Message
            : (await node.HearsAsync<Fault<CancelCheckout>>(() => node.Bus.Publish(new CancelCheckout(id), Ct))).Exceptions[0].Message;
        Assert.Contains($"order {id} came to rest as Complete on ", why, StringComparison.Ordinal);
        Assert.Contains("is archived", why, StringComparison.Ordinal);
        Assert.Null(node.Find(id));
        Assert.Equal(7, await node.ReadAsync(db => db.Log.CountAsync(Ct)));
    }

    [Fact]
    public async Task Should_take_what_happens_to_it_at_that_very_moment()
    {
        await using var other = await Node.StartAsync(database, gate: gate);
        var id = await node.SubmitAsync();
        await node.ReachesAsync(id, "Complete");
        var version = node.Row(id).Version;
        gate.Close();
        await other.Bus.Publish(new ConfirmationSent(id), Ct);
        await gate.Reached;
        // It was read where it is no more.
        await node.IsArchivedAsync(id);
        gate.Open();

        await Script.Until(() => node.Find(id) is { } row && row.Version == version + 1);
        Assert.False(await node.ReadAsync(db => db.Archive.AnyAsync(Ct)));
        Assert.Equal(["done", "ignored"], await node.ReadAsync(db => db.Log.Where(e => e.Seq >= version).OrderBy(e => e.Seq).Select(e => e.Status).ToListAsync(Ct)));
    }

    // The participant says that there was nothing to cancel; it will turn out that there is.
    private async Task<Guid> CancelledAtTheShipmentAsync()
    {
        node.They.IsSilent("CreateShipment");
        node.They.IsSilent("CancelShipment");
        var id = await node.SubmitAsync();
        await node.They.IsAsked("CreateShipment");
        await node.Operations.CancelAsync(id, null, actor: null, Ct);
        await node.They.IsAsked("CancelShipment");
        await node.Bus.Publish(new ShipmentCancelled(id, NothingToUndo: true), Ct);
        await node.ReachesAsync(id, "Compensated");
        return id;
    }

    private async Task<string> ShownAsync(Guid id)
    {
        var (order, file, events) = (await node.Queries.FindAsync(id, Ct), await node.Queries.FileAsync(id, Ct), new List<OrderView>());
        await foreach (var version in node.Queries.FollowAsync(id, after: 0, Ct))
            events.Add(version);
        return JsonSerializer.Serialize(new { order, order!.Version, file, events });
    }
}
