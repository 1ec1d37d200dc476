using System.Globalization;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>Something that goes wrong with a shop.</summary>
/// <param name="Family">What kind of thing; a key of <see cref="Families"/>.</param>
/// <param name="Who">Whom or what it hits, by chance.</param>
/// <param name="After">How long after the one before it.</param>
/// <param name="Lasts">How long it lasts, if it can last.</param>
internal sealed record Fault(string Family, int Who, TimeSpan After, TimeSpan Lasts)
{
    private delegate Task Act(Scene scene, Fault fault, CancellationToken ct);

    private static readonly Dictionary<string, Act> Acts = new()
    {
        ["process killed"] = (scene, f, _) => f.Of(scene.Crew).KillAsync(f.Lasts / 4),
        ["process frozen"] = (scene, f, ct) => f.Of(scene.Crew).FreezeAsync(f.Lasts * 1.5, ct),
        ["broker restarted"] = (_, _, _) => OrderSaga.Tests.TestBroker.RestartAsync(),
        ["connections closed"] = (scene, _, _) => scene.Place.Broker.CloseConnectionsAsync(),
        ["queue deleted"] = async (scene, f, ct) => await scene.Broker.DeleteAsync(f.Of(await scene.Broker.QueuesAsync(ct)), ct),
        ["all queues deleted"] = async (scene, _, ct) => await Task.WhenAll((await scene.Broker.QueuesAsync(ct)).Select(q => scene.Broker.DeleteAsync(q, ct))),
        ["queues purged"] = async (scene, _, ct) => await Task.WhenAll((await scene.Broker.QueuesAsync(ct)).Select(q => scene.Broker.PurgeAsync(q, ct))),
        ["messages doubled"] = (scene, f, ct) => scene.Broker.RepeatAsync(60, new Random(f.Who), ct),
        ["messages late"] = async (scene, f, ct) => await scene.Broker.HoldAsync(f.Of(await scene.Broker.QueuesAsync(ct)), f.Lasts, new Random(f.Who), ct),
        ["database crashed"] = (scene, _, _) => CrashDatabaseAsync(scene.Place),
        ["database away"] = (scene, f, ct) => AwayAsync(scene.Place, f.Lasts / 2, ct),
        ["database connections closed"] = async (scene, _, _) => await scene.Place.ScalarAsync<long>("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"),
        ["wire to the database silent"] = (scene, f, ct) => Member.SpoilAsync(f.Of(scene.Crew).ToDatabase, Wire.State.Hanging, f.Lasts, ct),
        ["wire to the database slow"] = (scene, f, ct) => Member.SpoilAsync(f.Of(scene.Crew).ToDatabase, Wire.State.Slow, f.Lasts, ct),
        ["wire to the broker silent"] = (scene, f, ct) => Member.SpoilAsync(f.Of(scene.Crew).ToBroker, Wire.State.Hanging, f.Lasts, ct),
        ["wire to the broker cut"] = (scene, f, ct) => Member.SpoilAsync(f.Of(scene.Crew).ToBroker, Wire.State.Refusing, f.Lasts, ct),
    };

    public static IReadOnlyCollection<string> Families => Acts.Keys;

    /// <summary>So many rounds in which each family has its turn, in an order and with lengths that follow from the dice.</summary>
    public static IReadOnlyList<Fault> Schedule(Random dice, int rounds, double pace) =>
        [.. Enumerable.Range(0, rounds).SelectMany(_ =>
        {
            var families = Families.ToArray();
            dice.Shuffle(families);
            return families;
        }).Select(family => new Fault(family, dice.Next(), Seconds(pace * (0.3 + 1.4 * dice.NextDouble())), Seconds(1 + 7 * dice.NextDouble())))];

    public async Task HappenAsync(Scene scene, CancellationToken ct)
    {
        try
        {
            await Acts[Family](scene, this, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // Two at once can be in each other's way: a broker that is down closes no connections.
            scene.Note($"{Family}: not done, {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Family} ({Who % 1000}, {Lasts.TotalSeconds:0.0} s)");

    private T Of<T>(IReadOnlyList<T> some) => some[Who % some.Count];

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Round(seconds, 1));

    // A server process that is killed takes all others with it: PostgreSQL drops its memory, and replays its log.
    private static async Task CrashDatabaseAsync(Place place)
    {
        var victim = await place.ScalarAsync<int>("SELECT min(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        using var kill = System.Diagnostics.Process.Start("kill", ["-KILL", victim.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private static async Task AwayAsync(ServersPlace place, TimeSpan lasts, CancellationToken ct)
    {
        await place.DatabaseIsAwayAsync(true);
        await Task.Delay(lasts, ct);
        await place.DatabaseIsAwayAsync(false);
    }
}

/// <summary>Where it happens.</summary>
internal sealed record Scene(ServersPlace Place, IReadOnlyList<Member> Crew, Saboteur Broker, Action<string> Note)
{
    /// <summary>Nothing is broken any more, and everybody is well.</summary>
    public async Task MendAsync(CancellationToken ct)
    {
        // It recovers from its crash, and what the test had open to it did not survive that either.
        for (var (tries, well) = (0, 0); well < 3; tries++)
        {
            try
            {
                await Place.DatabaseIsAwayAsync(false);
                await Place.ScalarAsync<int>("SELECT 1");
                well++;
            }
            catch (Npgsql.NpgsqlException) when (tries < 100)
            {
                well = 0;
                await Task.Delay(200, ct);
            }
        }

        foreach (var member in Crew)
            await member.ReadyAsync(ct);
    }
}
