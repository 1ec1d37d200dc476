using System.Globalization;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>What can be broken.</summary>
/// <param name="Crew">The processes.</param>
/// <param name="Databases">The databases that they use, as they stand now.</param>
/// <param name="Broker">The management of their broker, where there is one that answers.</param>
/// <param name="Customer">A client of the shop, who is an operator as well.</param>
internal sealed record Scene(Crew Crew, Func<Task<IReadOnlyList<Database>>> Databases, Broker? Broker, HttpClient Customer);

/// <summary>Something that goes wrong with a shop.</summary>
/// <param name="Family">What kind of thing; one of <see cref="Families"/>.</param>
/// <param name="Who">Whom or what it hits, by chance.</param>
/// <param name="At">When, since the beginning.</param>
/// <param name="Lasts">How long it lasts, if it can last.</param>
internal sealed record Mishap(string Family, int Who, TimeSpan At, TimeSpan Lasts)
{
    private delegate Task Act(Scene scene, Mishap mishap, CancellationToken ct);

    private const string Ended = "database connections ended", Closed = "broker connections closed", Deleted = "queue deleted", Purged = "queues emptied";

    // Seconds between two, on average.
    private const double Pace = 1.5;

    private static readonly string[] OfBroker = [Closed, Deleted, Purged];

    private static readonly Dictionary<string, Act> Acts = new()
    {
        ["process killed"] = (scene, m, _) => m.OfAsync(scene, member => member.Kill(m.Lasts / 4)),
        ["process told to stop"] = (scene, m, _) => m.OfAsync(scene, member => member.Stop(m.Lasts / 4)),
        ["process frozen"] = (scene, m, ct) => m.Of(scene.Crew.Members).FreezeAsync(m.Lasts, ct),
        ["clock leaps"] = (scene, m, ct) => LeapAsync(scene.Customer, m.Lasts * 3, ct),
        [Ended] = async (scene, _, ct) => await Task.WhenAll((await scene.Databases()).Select(d => d.EndConnectionsAsync(ct))),
        [Closed] = (scene, _, ct) => scene.Broker!.CloseConnectionsAsync(ct),
        [Deleted] = async (scene, m, ct) => await scene.Broker!.DeleteAsync(m.Of(await scene.Broker.QueuesAsync(ct)), ct),
        [Purged] = async (scene, _, ct) => await Task.WhenAll((await scene.Broker!.QueuesAsync(ct)).Select(q => scene.Broker.PurgeAsync(q, ct))),
    };

    public static IReadOnlyList<string> Families => [.. Acts.Keys];

    /// <summary>What of it cannot be done here.</summary>
    public static IEnumerable<string> NotDone(bool endsConnections, bool hasBroker) => Families.Where(f => (f == Ended && !endsConnections) || (OfBroker.Contains(f) && !hasBroker));

    /// <summary>Round after round, in which each family has its turn, in an order and with lengths that follow from the dice.</summary>
    public static IReadOnlyList<Mishap> Schedule(Random dice, IReadOnlyList<string> families, TimeSpan duration)
    {
        var all = new List<Mishap>();
        for (var at = 0.0; ;)
        {
            var round = families.ToArray();
            dice.Shuffle(round);
            foreach (var family in round)
            {
                at += Pace * (0.3 + (1.4 * dice.NextDouble()));
                if (at >= duration.TotalSeconds)
                    return all;
                all.Add(new(family, dice.Next(), Seconds(at), Seconds(1 + (7 * dice.NextDouble()))));
            }
        }
    }

    public Task HappenAsync(Scene scene, CancellationToken ct) => Acts[Family](scene, this, ct);

    /// <summary>Moves the clock of the shop forward.</summary>
    public static async Task LeapAsync(HttpClient customer, TimeSpan far, CancellationToken ct)
    {
        using var moved = await customer.PostAsJsonAsync(new Uri("ops/clock/advance", UriKind.Relative), new { seconds = Math.Round(far.TotalSeconds, 1) }, ct);
        moved.EnsureSuccessStatusCode();
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{At.TotalSeconds,6:0.0} s  {Family} ({Who % 1000}, {Lasts.TotalSeconds:0.0} s)");

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Round(seconds, 1));

    private T Of<T>(IReadOnlyList<T> some) => some[Who % some.Count];

    private Task OfAsync(Scene scene, Action<Member> act)
    {
        act(Of(scene.Crew.Members));
        return Task.CompletedTask;
    }
}
