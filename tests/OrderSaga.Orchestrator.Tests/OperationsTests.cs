using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

/// <summary>Acting on orders while others do: each of the two nodes is a process of its own, the database is all that they share.</summary>
public sealed class When_somebody_acts_on_an_order : IAsyncLifetime
{
    private readonly Gate gate = new();
    private TestDatabase database = null!;
    private Node node = null!;
    private Node other = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        node = await Node.StartAsync(database);
        other = await Node.StartAsync(database, gate: gate);
    }

    public async ValueTask DisposeAsync()
    {
        gate.Open();
        await other.DisposeAsync();
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_say_what_was_decided_send_it_at_once_and_keep_who_did_it()
    {
        var id = await WaitingForAsync("ChargePayment");
        var outcome = await other.Operations.CancelAsync(id, "TEST_ORDER", "ann", Ct);
        Assert.Equal((Answer.Decided, "Compensating", "Processing", "cancelled"), (outcome.Answer, outcome.State, outcome.Status, outcome.Says));
        await other.ReachesAsync(id, "Compensated");
        other.They.Asked("RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        Assert.Equal("TEST_ORDER", node.Row(id).Reason);

        Assert.Equal(Answer.Already, (await node.Operations.CancelAsync(id, "AGAIN", "bob", Ct)).Answer);
        Assert.Equal(["cancelled ann", "ignored bob"], await LogAsync(id, "cancelled", "ignored"));
        Assert.Equal(["ann cancel cancelled TEST_ORDER", "bob cancel ignored AGAIN"], await AuditAsync(id));
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_a_customer_asks_in_vain()
    {
        var id = await WaitingForAsync("ChargePayment");
        Assert.Equal(Answer.Decided, (await node.Operations.CancelAsync(id, null, actor: null, Ct)).Answer);
        await node.ReachesAsync(id, "Compensated");
        var version = node.Row(id).Version;
        for (var times = 0; times < 3; times++)
            Assert.Equal(Answer.Already, (await node.Operations.CancelAsync(id, null, actor: null, Ct)).Answer);
        node.They.Wakes("ChargePayment");
        var complete = await node.SubmitAsync();
        await node.ReachesAsync(complete, "Complete");
        Assert.Equal((Answer.Refused, "The order is complete."), await AnswerAsync(node.Operations.CancelAsync(complete, null, actor: null, Ct)));

        Assert.Equal(version, node.Row(id).Version);
        Assert.Equal("CANCELLED", node.Row(id).Reason);
        Assert.Empty(await AuditAsync(id));
        Assert.Equal(Answer.Unknown, (await node.Operations.CancelAsync(Guid.NewGuid(), null, "ann", Ct)).Answer);
    }

    [Fact]
    public async Task Should_refuse_the_cancel_that_is_slower_than_the_last_answer()
    {
        var id = await WaitingForAsync("CreateShipment");
        node.They.IsSilent("SendConfirmation");
        gate.Close();
        var cancel = other.Operations.CancelAsync(id, null, "ann", Ct);
        await gate.Reached;
        await node.Bus.Publish(new ShipmentCreated(id, "L-1"), Ct);
        await node.They.IsAsked("SendConfirmation");
        gate.Open();

        Assert.Equal((Answer.Refused, "The order is past the point of no return."), await AnswerAsync(cancel));
        await node.Bus.Publish(new ConfirmationSent(id), Ct);
        await node.ReachesAsync(id, "Complete");
        Assert.Equal(["denied ann"], await LogAsync(id, "cancelled", "denied"));
        other.They.Asked("");
    }

    [Fact]
    public async Task Should_undo_what_the_answer_tells_that_is_slower_than_the_cancel()
    {
        other.They.IsSilent("CreateShipment");
        var id = await other.SubmitAsync();
        await other.They.IsAsked("CreateShipment");
        gate.Close();
        await other.Bus.Publish(new ShipmentCreated(id, "L-1"), Ct);
        await gate.Reached;
        // Its own undo stays unanswered for now, so that the answer meets a mirror that runs.
        node.They.IsSilent("CancelShipment");
        Assert.Equal(Answer.Decided, (await node.Operations.CancelAsync(id, null, "ann", Ct)).Answer);
        gate.Open();
        await Script.Until(() => LogAsync(id, "late").GetAwaiter().GetResult().Count == 1);
        await node.Bus.Publish(new ShipmentCancelled(id), Ct);

        await node.ReachesAsync(id, "Compensated");
        node.They.Asked("CancelShipment RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology");
    }

    [Fact]
    public async Task Should_let_one_of_two_operators_settle_what_is_stuck()
    {
        var id = await StuckAsync();
        gate.Close();
        var retry = other.Operations.RetryUndoAsync(id, "freezeprice", reason: null, "bob", Ct);
        await gate.Reached;
        var resolve = await node.Operations.ResolveUndoAsync(id, "FreezePrice", "released at the desk", "ticket 7", "ann", Ct);
        gate.Open();

        Assert.Equal((Answer.Decided, "Compensated", "Cancelled"), (resolve.Answer, resolve.State, resolve.Status));
        Assert.Equal((Answer.Refused, "The undo of FreezePrice is not stuck."), await AnswerAsync(retry));
        Assert.Equal(["ann resolve resolved released at the desk FreezePrice ticket 7", "bob retry denied  FreezePrice"], await AuditAsync(id));
        Assert.Equal("released at the desk (ticket 7)", await node.ReadAsync(db => db.Log.Where(e => e.Status == "resolved").Select(e => e.Error).SingleAsync(Ct)));
        Assert.Equal("repaired", node.Row(id).Ended);
        Assert.NotNull((await node.ReadAsync(db => db.Stuck.SingleAsync(Ct))).ResolvedAt);
    }

    [Fact]
    public async Task Should_try_a_stuck_undo_again()
    {
        var id = await StuckAsync();
        node.They.Wakes("ReleasePrice");
        Assert.Equal((Answer.Decided, (string?)null), await AnswerAsync(node.Operations.RetryUndoAsync(id, "FreezePrice", reason: null, "ann", Ct)));
        await node.ReachesAsync(id, "Compensated");
        Assert.Equal(["ann retry retried  FreezePrice"], await AuditAsync(id));
        var (answer, why) = await AnswerAsync(node.Operations.RetryUndoAsync(id, "Freeze", reason: null, "ann", Ct));
        Assert.Equal(Answer.Unknown, answer);
        Assert.Contains("FreezePrice", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_let_one_of_many_operators_pause_it_and_one_let_it_go_on()
    {
        var id = await WaitingForAsync("ChargePayment");
        var pauses = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => (i % 2 == 0 ? node : other).Operations.PauseAsync(id, "a look", $"op{i}", Ct)));
        Assert.Single(pauses, p => p.Answer == Answer.Decided);
        Assert.Equal(5, pauses.Count(p => p is { Answer: Answer.Refused, Why: "The order is paused already." }));
        Assert.Equal(6, (await AuditAsync(id)).Count);

        await node.Bus.Publish(new PaymentCharged(id, "ch_1", 7.98m, "EUR"), Ct);
        await node.ReachesAsync(id, "PaymentCharged");
        Assert.Equal(("CreateShipment", "held"), (node.Row(id).Asked, node.Row(id).Phase));
        Assert.Equal(Answer.Decided, (await node.Operations.ResumeAsync(id, reason: null, "ann", Ct)).Answer);
        Assert.Equal((Answer.Refused, "The order is not paused."), await AnswerAsync(other.Operations.ResumeAsync(id, reason: null, "bob", Ct)));
        await node.ReachesAsync(id, "Complete");
    }

    [Fact]
    public async Task Should_keep_in_the_audit_what_operators_do_by_bus()
    {
        var id = await WaitingForAsync("ChargePayment");
        await node.Bus.Publish(new PauseCheckout(id, "ann", "a look"), Ct);
        await Script.Until(() => node.Row(id).PausedAt is not null);
        await node.Bus.Publish(new ResumeCheckout(id, "ann"), Ct);
        await Script.Until(() => node.Row(id).PausedAt is null);
        await node.Bus.Publish(new CancelCheckout(id), Ct);
        await node.ReachesAsync(id, "Compensated");
        Assert.Equal(["ann pause paused a look", "ann resume resumed"], await AuditAsync(id));
    }

    [Fact]
    public async Task Should_give_up_in_a_sentence_where_others_are_always_faster()
    {
        var id = await WaitingForAsync("ChargePayment");
        gate.Close();
        var pause = other.Operations.PauseAsync(id, null, "ann", Ct);
        for (var round = 0; round < 8; round++)
        {
            await gate.Reached;
            await node.Operations.ResumeAsync(id, reason: null, "bob", Ct);
            gate.LetOnePass();
        }

        var (answer, why) = await AnswerAsync(pause);
        Assert.Equal(Answer.Refused, answer);
        Assert.Contains("try again", why, StringComparison.Ordinal);
        Assert.Null(node.Row(id).PausedAt);
    }

    private static async Task<(Answer Answer, string? Why)> AnswerAsync(Task<Outcome> acting) => await acting is var outcome ? (outcome.Answer, outcome.Why) : default;

    private async Task<Guid> WaitingForAsync(string step)
    {
        node.They.IsSilent(step);
        var id = await node.SubmitAsync();
        await node.They.IsAsked(step);
        return id;
    }

    private async Task<Guid> StuckAsync()
    {
        node.They.Refuses("CreateShipment", "BAD_ADDRESS");
        node.They.IsSilent("ReleasePrice");
        var id = await node.SubmitAsync();
        for (var n = 1; n <= 6; n++)
        {
            await node.They.IsAsked("ReleasePrice", n);
            node.Time.Advance(TimeSpan.FromSeconds(10));
            if (n == 6)
                break;
            await Script.Until(() => node.Row(id) is { Phase: "pausing" });
            node.Time.Advance(TimeSpan.FromSeconds(1 << n));
        }

        await node.ReachesAsync(id, "Failed");
        return id;
    }

    private Task<List<string>> LogAsync(Guid id, params string[] said) => node.ReadAsync(db =>
        db.Log.Where(e => e.OrderId == id && said.Contains(e.Status)).OrderBy(e => e.Seq).Select(e => $"{e.Status} {e.Actor}".Trim()).ToListAsync(Ct));

    private Task<List<string>> AuditAsync(Guid id) => node.ReadAsync(async db =>
        (await (from audit in db.Audit join entry in db.Log on audit.Id equals entry.MessageId where audit.OrderId == id orderby entry.Seq select audit).ToListAsync(Ct))
            .ConvertAll(a => $"{a.Actor} {a.Action} {a.Outcome} {a.Reason} {a.Step} {a.Evidence}".TrimEnd()));
}
