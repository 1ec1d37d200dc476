using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

/// <summary>RULES 3.5: what could not be heard is not silence.</summary>
public class When_an_outage_lasts_longer_than_an_order_may
{
    private static readonly TimeSpan Bit = TimeSpan.FromSeconds(1);

    // Once the order moves again: those who answer are never taken for silent, however slow the machine is.
    private static readonly TimeSpan HardlyAny = TimeSpan.FromMilliseconds(20);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_turn_nothing_back_because_the_database_was_away()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        node.They.IsSilent("ReserveInventory");
        var id = await node.SubmitAsync();
        await node.They.IsAsked("ReserveInventory");
        await database.IsAwayAsync(true);
        await Script.Until(() => node.Hearing.IsDeaf);
        node.Time.Advance(TimeSpan.FromMinutes(10));
        node.They.Wakes("ReserveInventory");
        await database.IsAwayAsync(false);
        await Script.Until(() => !node.Hearing.IsDeaf);

        await EndsAsync(node, id, "Complete", HardlyAny);
        Assert.Equal(["ReserveInventory unheard 1"], await OddAsync(node, id));
    }

    [Fact]
    public async Task Should_turn_nothing_back_because_the_disk_was_full()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        node.They.IsSilent("ReserveInventory");
        var id = await node.SubmitAsync();
        await node.They.IsAsked("ReserveInventory");
        await node.ReadAsync(db => db.Database.ExecuteSqlRawAsync("""
            CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
            CREATE TRIGGER full_disk BEFORE UPDATE ON checkout.order_state FOR EACH ROW EXECUTE FUNCTION full_disk();
            """, Ct));
        await node.Bus.Publish(new InventoryReserved(id), Ct);
        await Script.Until(() => node.Hearing.IsDeaf);
        node.Time.Advance(TimeSpan.FromMinutes(10));
        await node.ReadAsync(db => db.Database.ExecuteSqlRawAsync("DROP TRIGGER full_disk ON checkout.order_state", Ct));
        await Script.Until(() => !node.Hearing.IsDeaf);

        await EndsAsync(node, id, "Complete", HardlyAny);
        Assert.All(await OddAsync(node, id), odd => Assert.EndsWith("unheard 1", odd, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Should_turn_nothing_back_because_the_database_of_a_service_is_away()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        node.They.IsSilent("ReserveInventory");
        node.They.IsSilent("FreezePrice");
        var id = await node.SubmitAsync();
        await node.They.IsAsked("ReserveInventory");

        // Said every few seconds for ten minutes.
        var since = node.Time.GetUtcNow();
        for (var i = 0; i < 60; i++, node.Time.Advance(TimeSpan.FromSeconds(10)))
            await SayAsync(node, new("inventory", ["ReserveInventory", "ReleaseInventory"], since, node.Time.GetUtcNow() + TimeSpan.FromSeconds(12)));
        node.They.Asked("CreateOrder ReserveInventory");

        // Its answer comes before any timer; by then the time of the whole order had run out. What is silent after it is silent.
        await node.Bus.Publish(new InventoryReserved(id), Ct);
        await EndsAsync(node, id, "Compensated");
        Assert.Equal(["FreezePrice unheard 1", "FreezePrice asked again 1", "FreezePrice asked again 2", "FreezePrice silent 3"], await OddAsync(node, id));
        Assert.Equal("STEP_SILENT", node.Row(id).Reason);
    }

    private static async Task SayAsync(Node node, ServiceAway away)
    {
        await node.Bus.Publish(away, Ct);
        while (!await node.ReadAsync(db => db.Outages.AnyAsync(o => o.Service == away.Service && o.Until == away.Until, Ct)))
            await Task.Delay(5, Ct);
    }

    // Bit by bit: whoever is at work when the clock moves begins his pause only then.
    private static Task EndsAsync(Node node, Guid id, string state, TimeSpan? afterwards = null)
    {
        var before = node.Row(id).Version;
        return Script.Until(() =>
        {
            var row = node.Row(id);
            node.Time.Advance(row.Version == before ? Bit : afterwards ?? Bit);
            return row.CurrentState == state;
        });
    }

    private static Task<List<string>> OddAsync(Node node, Guid id) =>
        node.ReadAsync(db => db.Log.Where(e => e.OrderId == id && e.Direction == "do" && e.Status != "done").OrderBy(e => e.Seq).Select(e => e.Step + " " + e.Status + " " + e.Attempt).ToListAsync(Ct));
}
