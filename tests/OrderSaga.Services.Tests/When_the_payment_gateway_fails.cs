using Microsoft.Extensions.Logging.Abstractions;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services.Tests;

/// <summary>The payment service against a gateway that errs, is silent, is slow, or is not there.</summary>
public sealed class When_the_payment_gateway_fails : IAsyncLifetime
{
    // More than a call may take, and more than its lease.
    private static readonly TimeSpan Call = TimeSpan.FromSeconds(8.1), Lease = TimeSpan.FromSeconds(11);

    private readonly ManualTime time = new();
    private readonly ManualTime gatewayTime = new();
    private readonly Guid orderId = Guid.NewGuid();
    private TestDatabase database = null!;
    private TestGateway gateway = null!;
    private PaymentNode node = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Charge => $"POST /gateway/charges saga:{orderId}:ChargePayment";

    private string Find => $"GET /gateway/charges?key=saga%3A{orderId}%3AChargePayment";

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        gateway = await TestGateway.StartAsync(Database.Postgres(database.ConnectionString), gatewayTime);
        node = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await gateway.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_be_called_once_however_often_payment_is_asked()
    {
        var charged = await ChargeAsync();
        Assert.Equal(charged, await ChargeAsync());
        Assert.Equal(charged, await ChargeAsync());
        Assert.Equal([Charge], gateway.Calls);
    }

    [Fact]
    public async Task Should_be_called_exactly_once_for_a_decline()
    {
        for (var i = 0; i < 3; i++)
            Assert.Equal("CARD_DECLINED", Assert.IsType<PaymentRefused>(await ChargeAsync("tok_declined")).Reason);
        Assert.Equal(new PaymentRefunded(orderId, NothingToUndo: true), await node.AskAsync(new RefundPayment(orderId)));
        Assert.Equal([Charge], gateway.Calls);
        Assert.Equal("refused, nothing to undo", await StepLogAsync());
    }

    [Fact]
    public async Task Should_be_called_again_with_the_same_key_after_an_error()
    {
        Assert.IsType<PaymentCharged>(await ChargeAsync("tok_error"));
        Assert.Equal([Charge, Charge, Charge], gateway.Calls);
        await AgreeAsync("7.98 EUR charged 0.00", "7.98 EUR CHARGED");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Should_be_called_again_with_the_same_key_when_it_is_silent(bool does)
    {
        gateway.IsSilent(does);
        var charging = ChargeAsync();
        await gateway.UntilAsync(calls => calls.Contains("silence"));
        time.Advance(Call);
        Assert.IsType<PaymentCharged>(await charging);
        Assert.Equal([Charge, "silence", Charge], gateway.Calls);
        await AgreeAsync("7.98 EUR charged 0.00", "7.98 EUR CHARGED");
    }

    [Fact]
    public async Task Should_be_a_fault_after_six_tries_of_one_order_while_others_go_well()
    {
        foreach (var _ in Enumerable.Range(0, 10))
            await node.AskAsync(new ChargePayment(Guid.NewGuid(), 1m, "EUR", "tok_visa"));
        gateway.Fails(6);
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => ChargeAsync());
        Assert.Contains("answered 503", fault.Message, StringComparison.Ordinal);
        Assert.Equal(6, gateway.Calls.Count(c => c == Charge));
    }

    [Fact]
    public async Task Should_not_fault_the_orders_while_everything_fails_but_leave_the_gateway_alone()
    {
        gateway.Fails(100);
        var charging = ChargeAsync();
        // The gateway has heard the fifth call a moment before the circuit hears of its failure.
        await node.UntilLoggedAsync("The payment gateway only fails");
        Assert.Equal(5, gateway.Calls.Count);
        var other = node.AskAsync(new ChargePayment(Guid.NewGuid(), 1m, "EUR", "tok_visa"));
        // So many real seconds that the sixth try of the first order is over, and several of the other one.
        await Task.Delay(TimeSpan.FromSeconds(3), Ct);
        Assert.Equal(5, gateway.Calls.Count);
        Assert.False(charging.IsCompleted || other.IsCompleted);

        // One looks whether it works again; it does not.
        time.Advance(TimeSpan.FromSeconds(2.1));
        await gateway.UntilAsync(calls => calls.Count == 6);
        await Task.Delay(TimeSpan.FromSeconds(1), Ct);
        Assert.False(charging.IsCompleted || other.IsCompleted);
        gateway.Works();
        await PassUntilAsync(Task.WhenAll(charging, other));
        Assert.IsType<PaymentCharged>(await charging);
        Assert.IsType<PaymentCharged>(await other);
        Assert.Single(node.Logged, l => l.StartsWith("Error: The payment gateway only fails", StringComparison.Ordinal));
        Assert.Single(node.Logged, l => l.Contains("The payment gateway works again", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, "the last call got no answer")]
    [InlineData(5, "it only fails")]
    public async Task Should_not_be_said_of_it_when_nobody_has_called_it_for_long(int times, string said)
    {
        using var client = new GatewayClient(() => gateway.Address, time, NullLogger<GatewayClient>.Instance);
        gateway.Fails(times);
        for (var i = 0; i < times; i++)
            await Assert.ThrowsAnyAsync<Exception>(() => client.FindAsync("key", Ct));
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.StartsWith(said, client.Failing, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(client.Failing);
    }

    [Fact]
    public async Task Should_not_fault_the_orders_while_it_cannot_be_reached()
    {
        await gateway.DisposeAsync();
        var charging = ChargeAsync();
        await Task.Delay(TimeSpan.FromSeconds(5), Ct); // a fault would have come after four
        Assert.False(charging.IsCompleted);
        gateway = await TestGateway.StartAsync(Database.Postgres(database.ConnectionString), gatewayTime, gateway.Address.Port);
        await PassUntilAsync(charging);
        Assert.IsType<PaymentCharged>(await charging);
        await AgreeAsync("7.98 EUR charged 0.00", "7.98 EUR CHARGED");
    }

    [Fact]
    public async Task Should_not_be_in_the_way_of_the_undo_while_it_cannot_be_reached()
    {
        await gateway.DisposeAsync();
        var charging = ChargeAsync();
        var refunding = node.AskAsync(new RefundPayment(orderId));
        await Task.Delay(TimeSpan.FromSeconds(1), Ct);
        gateway = await TestGateway.StartAsync(Database.Postgres(database.ConnectionString), gatewayTime, gateway.Address.Port);
        await PassUntilAsync(Task.WhenAll(charging, refunding));
        // Whoever comes first: neither waits for the other's lease, and in the end no money is kept.
        var refunded = Assert.IsType<PaymentRefunded>(await refunding);
        Assert.Equal(refunded.NothingToUndo, await charging is PaymentRefused { Reason: "ALREADY_UNDONE" });
        Assert.Equal(refunded.NothingToUndo ? "" : "7.98 EUR refunded 7.98", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_be_asked_by_key_after_a_crash_between_its_answer_and_our_record()
    {
        await DieInCallAsync(() => gateway.IsSilent(does: true));
        await gateway.UntilAsync(calls => calls.Contains("silence"));

        Assert.Null(await node.AskOnceAsync(Ask())); // for all that is known it is still under way
        time.Advance(Lease);
        Assert.IsType<PaymentCharged>(await ChargeAsync());
        Assert.Equal([Charge, "silence", Find], gateway.Calls);
        await AgreeAsync("7.98 EUR charged 0.00", "7.98 EUR CHARGED");
    }

    [Fact]
    public async Task Should_be_asked_by_an_undo_what_became_of_the_charge()
    {
        await DieInCallAsync(() => gateway.IsSilent(does: true));
        time.Advance(Lease);
        var refunded = Assert.IsType<PaymentRefunded>(await node.AskAsync(new RefundPayment(orderId)));

        Assert.False(refunded.NothingToUndo);
        Assert.Equal([Charge, "silence", Find, $"POST /gateway/charges/{refunded.ChargeId}/refunds saga:{orderId}:RefundPayment"], gateway.Calls);
        await AgreeAsync("7.98 EUR refunded 7.98", "7.98 EUR REFUNDED");
        Assert.Equal("done, undone", await StepLogAsync());
    }

    [Fact]
    public async Task Should_be_refunded_with_one_key_when_it_is_silent_about_the_refund()
    {
        await ChargeAsync();
        gateway.IsSilent(does: true);
        var refunding = node.AskAsync(new RefundPayment(orderId));
        await gateway.UntilAsync(calls => calls.Contains("silence"));
        time.Advance(Call);
        var refunded = Assert.IsType<PaymentRefunded>(await refunding);
        var refund = $"POST /gateway/charges/{refunded.ChargeId}/refunds saga:{orderId}:RefundPayment";
        Assert.Equal([Charge, refund, "silence", refund], gateway.Calls);
        await AgreeAsync("7.98 EUR refunded 7.98", "7.98 EUR REFUNDED");
    }

    [Fact]
    public async Task Should_be_refunded_at_once_for_a_charge_that_lands_after_the_undo_was_confirmed()
    {
        await DieInCallAsync(() => { }, "tok_slow", async () =>
        {
            while (gatewayTime.Timers == 0)
                await Task.Delay(10, Ct);
        });
        time.Advance(Lease);
        Assert.Equal(new PaymentRefunded(orderId, NothingToUndo: true), await node.AskAsync(new RefundPayment(orderId)));
        await AgreeAsync("", "");

        gatewayTime.Advance(TimeSpan.FromSeconds(70));
        while (await gateway.LedgerAsync(orderId) == "")
            await Task.Delay(10, Ct);
        time.Advance(TimeSpan.FromMinutes(1.1));
        var refunds = gateway.UntilAsync(calls => calls.Any(c => c.EndsWith($"refunds saga:{orderId}:RefundPayment", StringComparison.Ordinal)));
        // A look that wakes on the way, at the minute, finds nothing due yet: the next one does.
        while (await Task.WhenAny(refunds, Task.Delay(TimeSpan.FromSeconds(3), Ct)) != refunds)
            time.Advance(TimeSpan.FromMinutes(1));
        await refunds;
        while (await ChargesAsync() != "7.98 EUR REFUNDED")
            await Task.Delay(10, Ct);
        await AgreeAsync("7.98 EUR refunded 7.98", "7.98 EUR REFUNDED");
        Assert.Single(node.Logged, l => l.StartsWith($"Error: Order {orderId}: ChargePayment took effect after it was barred", StringComparison.Ordinal));
        Assert.Equal("ALREADY_UNDONE", Assert.IsType<PaymentRefused>(await ChargeAsync("tok_slow")).Reason);
    }

    [Fact]
    public async Task Should_log_no_token_whatever_goes_wrong()
    {
        foreach (var token in new[] { "tok_visa", "tok_declined", "tok_error", "tok_secret" })
            await node.AskAsync(new ChargePayment(Guid.NewGuid(), 1m, "EUR", token));
        gateway.Fails(2);
        await ChargeAsync();
        Assert.NotEmpty(node.Logged);
        Assert.DoesNotContain(node.Logged, l => l.Contains("tok_", StringComparison.Ordinal));
        Assert.DoesNotContain("tok_", await ReadAsync("SELECT string_agg(concat(l::text, i::text), '') FROM payment.step_log l JOIN payment.intents i USING (order_id)"), StringComparison.Ordinal);
    }

    private Task<PaymentNode> StartAsync() => PaymentNode.StartAsync(Database.Postgres(database.ConnectionString), time, gateway.Address);

    private ChargePayment Ask(string token = "tok_visa") => new(orderId, 7.98m, "EUR", token);

    private Task<object> ChargeAsync(string token = "tok_visa") => node.AskAsync(Ask(token));

    /// <summary>A process dies while it waits for the gateway; another one takes its place.</summary>
    private async Task DieInCallAsync(Action before, string token = "tok_visa", Func<Task>? until = null)
    {
        before();
        _ = node.AskOnceAsync(Ask(token)).ContinueWith(t => t.Exception, TaskScheduler.Default);
        await (until?.Invoke() ?? gateway.UntilAsync(calls => calls.Contains("silence")));
        await node.DisposeAsync();
        node = await StartAsync();
    }

    /// <summary>Lets the pauses of the circuit pass. The retries of messages have real pauses beside them.</summary>
    private async Task PassUntilAsync(Task done)
    {
        while (!done.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(2.1));
            await Task.WhenAny(done, Task.Delay(200, Ct));
        }
    }

    /// <summary>What the gateway's own books and ours say of the order.</summary>
    private async Task AgreeAsync(string theirs, string ours)
    {
        Assert.Equal(theirs, await gateway.LedgerAsync(orderId));
        Assert.Equal(ours, await ChargesAsync());
    }

    private Task<string> ChargesAsync() => ReadAsync($"SELECT coalesce(string_agg(concat_ws(' ', amount, currency, status), ', '), '') FROM payment.charges WHERE order_id = '{orderId}'");

    private Task<string> StepLogAsync() => ReadAsync($"SELECT string_agg(status, ', ' ORDER BY undo) FROM payment.step_log WHERE order_id = '{orderId}'");

    private async Task<string> ReadAsync(string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        return (string)(await command.ExecuteScalarAsync(Ct))!;
    }
}
