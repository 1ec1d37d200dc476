using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>The servers are shared by all tests: while one of these runs, no other does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>
/// Processes, broker, database and wires fail, at random, while orders of every kind come in. Once all is mended every order comes to
/// rest, and every promise was kept. What happens follows from a seed: ORDERSAGA_TEST_SEED=.. runs one again.
/// </summary>
[Collection(nameof(Alone))]
public class When_everything_breaks
{
    private static readonly bool Long = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1";
    private static readonly int Orders = Long ? 300 : 60, Rounds = Long ? 4 : 1, Deadly = Long ? 6 : 1;

    // Between two faults, on average.
    private static readonly double Pace = 2;

    private static readonly TimeSpan StepTime = TimeSpan.FromSeconds(15), UndoTime = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan[] UndoPauses = [TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)];

    // The longest that an order's own plan makes it wait: a step that stays silent, and then an undo that does not succeed at first.
    private static readonly TimeSpan LongestTimers = StepTime + ((UndoTime + UndoPauses[^1]) * (UndoPauses.Length + 1));
    private static readonly TimeSpan Bound = LongestTimers + TimeSpan.FromSeconds(30);

    // A charge that nobody knew of is looked for a minute later, a mark whose ending was lost is asked about after five.
    private static readonly TimeSpan Housekeeping = TimeSpan.FromMinutes(7);

    private static readonly string[] Settings =
    [
        "--environment", "Development", "--Checkout:StepTime", $"{StepTime}", "--Checkout:UndoTime", $"{UndoTime}", "--Checkout:LongestPause", "00:00:04",
        .. UndoPauses.SelectMany((pause, n) => new[] { $"--Checkout:UndoPauses:{n}", $"{pause}" }), "--Checkout:SagaTime", "00:02:00", "--Checkout:Steps:CheckFraud", "true",
        "--Payment:SimulatorSlowTime", "00:00:09",
    ];

    private readonly StringBuilder report = new();
    private readonly Stopwatch watch = Stopwatch.StartNew();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => Environment.GetEnvironmentVariable("ORDERSAGA_TEST_SEED") is { Length: > 0 } seed
        ? [int.Parse(seed, CultureInfo.InvariantCulture)]
        : [.. Enumerable.Range(1, Long ? 20 : 1)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Should_keep_every_promise(int seed)
    {
        var dice = new Random(seed);
        var (wishes, faults) = (Wish.Some(dice, Orders, Deadly), Fault.Schedule(dice, Rounds, Pace));
        await using var place = await ServersPlace.MakeAsync();
        var crew = await CrewAsync(place);
        using var saboteur = new Saboteur(place.Broker.Uri);
        var customers = new Customers(() => [.. crew.Where(m => m.Roles.Contains("web", StringComparison.Ordinal)).Select(m => m.Shop).Where(s => s.IsUp)]);
        try
        {
            await saboteur.ListenAsync(Ct);
            var scene = new Scene(place, crew, saboteur, Note);
            Note($"seed {seed}: {wishes.Count} orders, {faults.Count} faults");
            var buying = BuyAsync(customers, wishes, TimeSpan.FromSeconds(faults.Sum(f => f.After.TotalSeconds)));
            await BreakAsync(scene, faults);
            await scene.MendAsync(Ct);
            Note("all is mended");
            var mended = watch.Elapsed;
            await buying;
            await AllAtRestAsync(place, crew, customers);
            Note($"all at rest, {(watch.Elapsed - mended).TotalSeconds:0.0} s after all was mended (bound {Bound.TotalSeconds:0} s)");
            await PromisesAsync(scene, customers);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Seed {seed} (ORDERSAGA_TEST_SEED={seed}{(Long ? " ORDERSAGA_TEST_LONG=1" : "")} repeats it): {e.Message}\n{report}", e);
        }
        finally
        {
            await TellAsync(seed, crew, customers, faults);
            foreach (var member in crew)
                await member.DisposeAsync();
        }
    }

    private static async Task<IReadOnlyList<Member>> CrewAsync(ServersPlace place)
    {
        // Each role of a service that has more than its own database to care for is there twice.
        var crew = new List<Member>();
        foreach (var roles in new[] { "orders,inventory,pricing,payment", "inventory,payment,shipping,notification", "orchestrator,web", "orchestrator,web" })
            crew.Add(await Member.StartAsync(place, roles, Ct, Settings));
        return crew;
    }

    // All the time while things break, and then the rest at once.
    private static async Task BuyAsync(Customers customers, IReadOnlyList<Wish> wishes, TimeSpan during)
    {
        var buying = new List<Task>();
        foreach (var wish in wishes)
        {
            buying.Add(customers.PlaceAsync(wish, Ct));
            await Task.Delay(during / wishes.Count, Ct);
        }

        await Task.WhenAll(buying);
    }

    private async Task BreakAsync(Scene scene, IReadOnlyList<Fault> faults)
    {
        var happening = new List<Task>();
        foreach (var fault in faults)
        {
            await Task.Delay(fault.After, Ct);
            // Two at a time, or nothing would be left to be broken.
            while (happening.Count(t => !t.IsCompleted) > 1)
                await Task.WhenAny(happening.Where(t => !t.IsCompleted));
            Note($"{fault}");
            happening.Add(fault.HappenAsync(scene, Ct));
        }

        await Task.WhenAll(happening);
    }

    /// Every order ends by itself; what is left to a person then is done by one.
    private async Task AllAtRestAsync(ServersPlace place, IReadOnlyList<Member> crew, Customers customers)
    {
        const string Open = "SELECT order_id, current_state, asked, phase, attempt FROM checkout.order_state WHERE status = 'Processing' ORDER BY 1";
        for (var patience = Stopwatch.StartNew(); ;)
        {
            var open = await place.RowsAsync(Open, r => $"{r.GetGuid(0)} {r.GetString(1)} {r.GetValue(2)} {r.GetValue(3)} {r.GetValue(4)}");
            if (open.Count == 0)
                break;
            Assert.True(patience.Elapsed < Bound, $"{open.Count} orders are not at rest {Bound.TotalSeconds} s after all was mended:\n{string.Join('\n', open)}");
            await Task.Delay(100, Ct);
        }

        foreach (var (id, step) in await place.RowsAsync("SELECT order_id, step FROM checkout.stuck WHERE resolved_at IS NULL", r => (r.GetGuid(0), r.GetString(1))))
        {
            Note($"{id} {customers.Placed[id].Kind}: {step} is stuck, and tried again by a person");
            using var retried = await crew[^1].Shop.Http.PostAsync(new Uri($"/ops/stuck/{id}/{step}/retry", UriKind.Relative), null, Ct);
            // Refused only if a late answer has settled it meanwhile.
            if (retried.StatusCode == HttpStatusCode.Conflict)
                Assert.True(await place.ScalarAsync<long>($"SELECT count(*) FROM checkout.stuck WHERE order_id = '{id}' AND step = '{step}' AND resolved_at IS NULL") == 0, $"{id}: {step} is stuck, and no try is taken: {await retried.Content.ReadAsStringAsync(Ct)}");
            else
                retried.EnsureSuccessStatusCode();
        }

        for (var patience = Stopwatch.StartNew(); await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE status IN ('Processing', 'NeedsAttention')") > 0;)
        {
            Assert.True(patience.Elapsed < Bound, "What was tried again does not succeed.");
            await Task.Delay(100, Ct);
        }
    }

    private static async Task PromisesAsync(Scene scene, Customers customers)
    {
        var place = scene.Place;
        using var advanced = await scene.Crew[^1].Shop.Http.PostAsJsonAsync("/ops/clock/advance", new { seconds = (int)Housekeeping.TotalSeconds }, Ct);
        advanced.EnsureSuccessStatusCode();
        await Books.AgreeAsync(place, Ct, seconds: 30);

        // What was answered 202 is an order, and there is none beside these.
        var ends = (await place.RowsAsync("SELECT order_id, current_state FROM checkout.order_state", r => (Id: r.GetGuid(0), State: r.GetString(1)))).ToDictionary(o => o.Id, o => o.State);
        Assert.Equal(customers.Placed.Keys.Order(), ends.Keys.Order());
        Assert.All(customers.Placed, order => Assert.Contains((order.Value.Kind, ends[order.Key]), (IEnumerable<(string, string)>)[(order.Value.Kind, "Compensated"), .. order.Value.MayComplete ? [(order.Value.Kind, "Complete")] : Array.Empty<(string, string)>()]));
        // Published once, however often it is delivered.
        var endings = (await scene.Broker.EndingsAsync(Ct)).GroupBy(e => e.Order).ToDictionary(e => e.Key, e => string.Join(' ', e.Select(x => x.Ending).Order(StringComparer.Ordinal)));
        Assert.All(ends, end => Assert.Contains((end.Key, endings.GetValueOrDefault(end.Key)), end.Value == "Complete"
            ? [(end.Key, "checkout-completed")]
            : (IEnumerable<(Guid, string?)>)[(end.Key, "checkout-compensated"), (end.Key, "checkout-failed checkout-repaired")]));
        // What breaks as an order's plan says is a dead letter, and nothing else is.
        Assert.Empty(await place.RowsAsync("SELECT queue, message_type, cause, error FROM ops.dead_letters WHERE cause <> 'PlannedFaultException'", r => $"{r.GetString(0)} {r.GetValue(1)} {r.GetValue(2)} {r.GetString(3)}"));
    }

    private void Note(string what)
    {
        lock (report)
            report.AppendLine(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds,7:0.0} s  {what}");
    }

    private async Task TellAsync(int seed, IReadOnlyList<Member> crew, Customers customers, IReadOnlyList<Fault> faults)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "test-logs")).FullName;
        report.AppendLine().AppendLine("faults:").AppendJoin('\n', faults.CountBy(f => f.Family).OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"  {f.Value,3} {f.Key}"))
            .AppendLine().AppendLine("orders:").AppendJoin('\n', customers.Placed.Values.CountBy(w => w.Kind).OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => $"  {w.Value,3} {w.Key}"))
            .AppendLine().AppendLine(CultureInfo.InvariantCulture, $"requests sent again: {customers.Retries}; processes started again: {crew.Sum(m => m.Deaths)}");
        await File.WriteAllTextAsync(Path.Combine(folder, $"breaks-{seed}.txt"), report.ToString(), CancellationToken.None);
        foreach (var (member, n) in crew.Select((m, n) => (m, n)))
            await File.WriteAllTextAsync(Path.Combine(folder, $"breaks-{seed}-{n}.log"), member.Output, CancellationToken.None);
        TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
    }
}
