using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Contracts;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

/// <summary>The orchestrator on its real database: the rows are the timers, Quartz fires them on time, and the sweep finds them without it.</summary>
public class When_the_rows_are_the_timers
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_act_on_silence_and_log_every_move()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        node.They.IsSilent("ChargePayment");
        var id = await node.SubmitAsync();
        for (var n = 1; n <= 3; n++)
        {
            await node.They.IsAsked("ChargePayment", n);
            node.Time.Advance(TimeSpan.FromSeconds(20));
        }

        await node.ReachesAsync(id, "Compensated");
        node.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment ChargePayment ChargePayment RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        var log = await node.ReadAsync(db => db.Log.Where(e => e.OrderId == id).OrderBy(e => e.Seq).ToListAsync(Ct));
        Assert.Equal(
            [
                "submitted > CreateOrder", "CreateOrder done > ReserveInventory", "ReserveInventory done > FreezePrice", "FreezePrice done > ChargePayment",
                "ChargePayment asked again > ChargePayment", "ChargePayment asked again > ChargePayment", "ChargePayment silent > RefundPayment",
                "ChargePayment undone > ReleasePrice", "FreezePrice undone > ReleaseInventory", "ReserveInventory undone > CancelOrder", "CreateOrder undone > SendApology", "SendApology apologised >",
            ],
            log.Select(e => $"{e.Step} {e.Status} > {e.Asks}".Trim()));
        Assert.Equal([1, 2, 3], log.Where(e => e.Status is "asked again" or "silent").Select(e => e.Attempt));
        Assert.Equal(Enumerable.Range(1, log.Count), log.Select(e => e.Seq));
        Assert.All(log.Where(e => e.Step is not null), e => Assert.StartsWith($"saga:{id}:", e.Key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Should_keep_a_stuck_undo_on_the_list_until_a_person_settles_it()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
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
        var stuck = await node.ReadAsync(db => db.Set<StuckUndo>().SingleAsync(Ct));
        Assert.Equal(("FreezePrice", 6, null), (stuck.Step, stuck.Attempts, stuck.ResolvedAt));

        node.They.Wakes("ReleasePrice");
        await node.Bus.Publish(new RetryUndo(id, "FreezePrice", "ann"), Ct);
        await node.ReachesAsync(id, "Compensated");
        // The undo was confirmed by its participant, on an operator's word: settled by neither a person's evidence nor by accident.
        Assert.NotNull((await node.ReadAsync(db => db.Set<StuckUndo>().SingleAsync(Ct))).ResolvedAt);
        Assert.Equal("ann", (await node.ReadAsync(db => db.Log.SingleAsync(e => e.Status == "retried", Ct))).Actor);
    }

    [Fact]
    public async Task Should_ask_again_at_the_start_where_the_transport_forgets()
    {
        await using var database = await TestDatabase.CreateAsync();
        Guid id;
        await using (var node = await Node.StartAsync(database))
        {
            node.They.IsSilent("FreezePrice");
            id = await node.SubmitAsync();
            await node.They.IsAsked("FreezePrice");
        }

        await using var next = await Node.StartAsync(database);
        await next.ReachesAsync(id, "Complete");
        next.They.Asked("FreezePrice ChargePayment CreateShipment SendConfirmation");
    }

    [Fact]
    public async Task Should_say_a_command_again_when_its_cause_comes_again_and_store_no_payload()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        node.They.IsSilent("CreateOrder");
        node.They.IsSilent("ReserveInventory");
        var id = await node.SubmitAsync();
        await node.They.IsAsked("CreateOrder");
        // Twice the same message, as when a process dies between its commit and the acknowledgement.
        for (var (n, cause) = (1, Guid.NewGuid()); n <= 2; n++)
        {
            await node.Bus.Publish(new OrderCreated(id), context => context.MessageId = cause, Ct);
            await node.They.IsAsked("ReserveInventory", n);
        }

        Assert.Equal(["submitted", "done"], await node.ReadAsync(db => db.Log.OrderBy(e => e.Seq).Select(e => e.Status).ToListAsync(Ct)));
        Assert.False(await node.ReadAsync(db => db.Log.AnyAsync(e => e.Outgoing != null, Ct)));
    }

    // As a process leaves it that dies between its commit and the broker's word.
    [Fact]
    public async Task Should_tell_the_end_of_an_order_from_its_row_and_store_no_payload()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.ReadAsync(db => db.Database.ExecuteSqlRawAsync("""
            CREATE TABLE checkout.written (seq int, outgoing text);
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO checkout.written VALUES (NEW.seq, NEW.outgoing); RETURN NEW; END $$;
            CREATE TRIGGER keep BEFORE INSERT ON checkout.saga_log FOR EACH ROW EXECUTE FUNCTION keep();
            """, Ct));
        var id = Guid.Empty;
        var first = await node.HearsAsync<CheckoutCompleted>(async () => id = await node.SubmitAsync());
        await IsMarkedAsync();

        var again = await node.HearsAsync<CheckoutCompleted>(async () =>
        {
            await node.ReadAsync(db => db.Database.ExecuteSqlRawAsync("""
                UPDATE checkout.saga_log SET outgoing = w.outgoing FROM checkout.written w WHERE w.seq = saga_log.seq;
                -- Before it one whose row does not say it, and a version that names its steps otherwise.
                INSERT INTO checkout.saga_log (order_id, seq, message_id, at, status, attempt, outgoing) SELECT message_id, 1, gen_random_uuid(), at - interval '1 hour', 'done', 0, 'told by its row' FROM checkout.saga_log WHERE outgoing IS NOT NULL;
                UPDATE checkout.order_state SET route = replace(route, 'FreezePrice', 'GrantPoints');
                """, Ct));
            Assert.Equal(["told by its row"], await node.ReadAsync(db => db.Log.Where(e => e.OrderId == id && e.Outgoing != null).Select(e => e.Outgoing!).ToListAsync(Ct)));
            node.Time.Advance(TimeSpan.FromMinutes(2));
        });
        await IsMarkedAsync();
        Assert.Equal((id, first), (again.OrderId, again));

        Task IsMarkedAsync() => Script.Until(() =>
        {
            node.Time.Advance(TimeSpan.FromMilliseconds(100));
            return !node.ReadAsync(db => db.Log.AnyAsync(e => e.OrderId == id && e.Outgoing != null, Ct)).GetAwaiter().GetResult();
        });
    }

    [Fact]
    public async Task Should_ask_again_and_not_count_it_as_silence_that_nobody_was_there_to_hear()
    {
        await using var database = await TestDatabase.CreateAsync();
        Guid id;
        await using (var node = await Node.StartAsync(database))
        {
            node.They.IsSilent("FreezePrice");
            id = await node.SubmitAsync();
            await node.They.IsAsked("FreezePrice");
        }

        await using var next = await Node.StartAsync(database, later: TimeSpan.FromSeconds(90));
        await next.ReachesAsync(id, "Complete");
        Assert.Equal([1], await next.ReadAsync(db => db.Log.Where(e => e.OrderId == id && e.Status == "asked again").Select(e => e.Attempt).ToListAsync(Ct)));
    }

    [Fact]
    public async Task Should_give_the_scheduler_nothing_to_do_while_every_step_answers()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.SchedulerRunsAsync();
        var ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => node.SubmitAsync()));
        foreach (var id in ids)
            await node.ReachesAsync(id, "Complete");
        node.Time.Advance(TimeSpan.FromSeconds(30));
        // The first timer that is handed over would bring the job with it.
        Assert.Equal(0, await node.CountAsync("SELECT COUNT(*)::int AS \"Value\" FROM checkout.qrtz_job_details"));
    }

    [Fact]
    public async Task Should_act_by_the_sweep_where_the_scheduler_has_lost_its_tables()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.SchedulerRunsAsync();
        await node.ReadAsync(db => db.Database.ExecuteSqlRawAsync("""
            DO $$ DECLARE it record; BEGIN
                FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = 'checkout' AND tablename LIKE 'qrtz%'
                LOOP EXECUTE 'DROP TABLE checkout.' || it.tablename || ' CASCADE'; END LOOP;
            END $$
            """, Ct));
        node.They.IsSilent("ChargePayment");
        var id = await node.SubmitAsync();
        // Bit by bit: a sweep that is still at work when the clock moves begins its pause only then.
        await Script.Until(() =>
        {
            node.Time.Advance(TimeSpan.FromSeconds(5));
            return node.Row(id).CurrentState == "Compensated";
        });
        Assert.Equal(3, await node.ReadAsync(db => db.Log.Where(e => e.OrderId == id && e.Step == "ChargePayment").MaxAsync(e => e.Attempt, Ct)));
    }

    [Fact]
    public async Task Should_say_that_the_sweep_stands_still_and_that_it_runs_again()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        Assert.Equal(HealthStatus.Healthy, (await node.HealthAsync("sweep")).Status);
        await database.IsAwayAsync(true);
        node.Time.Advance(TimeSpan.FromMinutes(4));
        var still = await node.HealthAsync("sweep");
        Assert.Equal(HealthStatus.Unhealthy, still.Status);
        Assert.Contains("has not come to its end", still.Description, StringComparison.Ordinal);
        await database.IsAwayAsync(false);
        for (var again = still.Status; again != HealthStatus.Healthy; again = (await node.HealthAsync("sweep")).Status)
            node.Time.Advance(TimeSpan.FromSeconds(5));
    }
}
