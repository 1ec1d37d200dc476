using System.Data.Common;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using OrderSaga.Host.Commands.Load;
using OrderSaga.Host.Reconciliation;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>Starts a shop, breaks it while orders come in, mends it, and sees whether every promise was kept.</summary>
internal sealed class ChaosCommand : IDisposable
{
    private const int Interrupted = 130, AtOnce = 2;
    private const string Logs = "--logs";

    // A charge that nobody knew of is looked for a minute later, a mark whose ending was lost is asked about after five.
    private static readonly TimeSpan Housekeeping = TimeSpan.FromMinutes(7), Look = TimeSpan.FromMilliseconds(500);

    // Orders that go on for ever are none that come to rest.
    private static readonly TimeSpan Latest = TimeSpan.FromMinutes(15);

    private readonly TimeProvider time = TimeProvider.System;
    private readonly CancellationTokenSource interrupt = new();
    private readonly string key = RandomNumberGenerator.GetHexString(32);
    private readonly List<Broken> broken = [];
    private readonly string[] settings;
    private readonly ChaosPlan plan;
    private readonly bool json;
    private readonly string? logs;
    private readonly Uri? management;
    private readonly Settings configured;
    private readonly Progress progress;
    private (string? Connection, Func<string, Database> Of)? opened;

    private ChaosCommand(string[] args)
    {
        var (ours, theirs) = RunArguments.Split(args);
        var arguments = Arguments.Read(ours, [], [.. ChaosPlan.Options, RabbitManagement.Option, Logs], [ShopClient.Json]);
        (plan, json, management, progress) = (ChaosPlan.Read(arguments), arguments.Has(ShopClient.Json), RunArguments.UrlOf(RabbitManagement.Option, arguments), new(time));
        settings = [.. ChaosPlan.Settings, .. theirs, "--Ops:ApiKey", key];
        logs = arguments.Option(Logs);
        if (logs is not null && !Directory.Exists(logs))
            throw new CommandException($"What the processes say cannot be kept in {logs}: there is no such folder.");
        configured = Settings.Read(Start.Configured(settings).Configuration, development: true);
    }

    private bool Several => configured.TransportUri is not null && configured.Database.Provider != DatabaseSettings.Embedded;

    public static async Task<int> RunAsync(string[] args)
    {
        using var command = new ChaosCommand(args);
        using var signals = new Signals(() =>
        {
            if (command.interrupt.IsCancellationRequested)
                Environment.Exit(Interrupted);
            command.interrupt.Cancel();
        });
        try
        {
            return await command.RunAsync(command.interrupt.Token);
        }
        catch (OperationCanceledException) when (command.interrupt.IsCancellationRequested)
        {
            command.progress.Clear();
            Console.Error.WriteLine("Interrupted: no promise was checked.");
            return Interrupted;
        }
    }

    public void Dispose() => interrupt.Dispose();

    private async Task<int> RunAsync(CancellationToken ct)
    {
        using var broker = configured.TransportUri is { } uri ? new Broker(new(uri, management)) : null;
        var listens = await MineAloneAsync(broker, ct);
        progress.Say("Starting a shop..");
        await using var crew = await Crew.StartAsync(Several, settings, logs, time, ct);
        using var stubborn = new Stubborn(() => crew.Doors, time);
        using var customer = new HttpClient(stubborn) { BaseAddress = new Uri("http://shop/"), Timeout = Timeout.InfiniteTimeSpan };
        customer.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        var scene = new Scene(crew, async () => await DatabasesAsync(crew), listens ? broker : null, customer);
        var promises = new Promises(stop => ReadAsync(crew, stop), async role => (await OpenAsync(crew))(role), customer, scene.Broker);
        try
        {
            if (scene.Broker is { } ears)
                await ears.ListenAsync(ct);
            await promises.BeginAsync(ct);
            var report = await BreakAsync(scene, promises, stubborn, ct);
            progress.Clear();
            report.Print(json);
            return report.Violations == 0 ? CommandLine.Done : CommandLine.Failed;
        }
        finally
        {
            if (scene.Broker is { } ears)
                await ears.LeaveAsync(CancellationToken.None);
        }
    }

    private async Task<ChaosReport> BreakAsync(Scene scene, Promises promises, Stubborn stubborn, CancellationToken ct)
    {
        var notDone = Mishap.NotDone((await scene.Databases()).All(d => d.EndsConnections), scene.Broker is not null).ToList();
        var schedule = Mishap.Schedule(new Random(plan.Seed), [.. Mishap.Families.Except(notDone)], plan.Duration);
        var (tally, run) = (new Tally(time), new LoadRun(plan.Load, scene.Customer, new EventEnds(scene.Customer, time), time) { Placed = promises.Accepted });
        using var done = new CancellationTokenSource();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var shown = progress.FollowAsync($"Breaking, seed {plan.Seed}", tally, plan.Load.Count, null, done.Token);
        var placing = run.RunAsync(tally, plan.Load.Count, limit: null, end.Token);
        await HappenAsync(scene, schedule, ct);
        var mended = time.GetTimestamp();
        promises.NotWell = await scene.Crew.NotWellAsync(ct);
        while (!placing.IsCompleted && tally.Silent < plan.Patience && time.GetElapsedTime(mended) < Latest)
            await Task.WhenAny(placing, Task.Delay(Look, time, ct));
        await end.CancelAsync();
        await placing;
        promises.NotServed(plan.Load.Count!.Value, tally.Read());
        await done.CancelAsync();
        await shown;
        ct.ThrowIfCancellationRequested();
        var findings = await SettleAsync(scene, promises, ct);
        var states = (await ReadAsync(scene.Crew, ct)).Books.Sagas;
        return new()
        {
            Seed = plan.Seed,
            At = time.GetUtcNow(),
            Settings = Described(scene),
            Faults = broken,
            NotDone = notDone,
            Orders = [.. promises.Placed.CountBy(p => (p.Value.Name, Status: states.GetValueOrDefault(p.Key)?.Status ?? "nowhere")).OrderBy(p => p.Key).Select(p => new Became(p.Key.Name, p.Key.Status, p.Value))],
            Again = new(scene.Crew.Deaths, stubborn.Again, promises.Failed),
            SettledSeconds = Math.Round(time.GetElapsedTime(mended).TotalSeconds, 1),
            Promises = findings,
            NotChecked = promises.NotChecked,
        };
    }

    // Two at a time, or nothing would be left to be broken.
    private async Task HappenAsync(Scene scene, IReadOnlyList<Mishap> schedule, CancellationToken ct)
    {
        var (began, happening) = (time.GetTimestamp(), new List<Task>());
        foreach (var mishap in schedule)
        {
            if (mishap.At - time.GetElapsedTime(began) is var ahead && ahead > TimeSpan.Zero)
                await Task.Delay(ahead, time, ct);
            while (happening.Count(t => !t.IsCompleted) >= AtOnce)
                await Task.WhenAny(happening.Where(t => !t.IsCompleted));
            happening.Add(HappenAsync(scene, mishap, time.GetElapsedTime(began), ct));
        }

        await Task.WhenAll(happening);
        // As long as orders are still to come.
        if (plan.Duration - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
            await Task.Delay(left, time, ct);
    }

    private async Task HappenAsync(Scene scene, Mishap mishap, TimeSpan at, CancellationToken ct)
    {
        string? why = null;
        try
        {
            await mishap.HappenAsync(scene, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // Two at once can be in each other's way.
            why = e.Message.ReplaceLineEndings(" ");
        }

        lock (broken)
            broken.Add(new(Math.Round(at.TotalSeconds, 1), mishap.Family, mishap.Lasts.TotalSeconds, why));
    }

    // What heals by itself after a while does so when the clock is there.
    private async Task<IReadOnlyList<Web.Pages.Finding>> SettleAsync(Scene scene, Promises promises, CancellationToken ct)
    {
        progress.Say("All is mended; finishing what is stuck..");
        await UntilAsync(async () =>
        {
            await promises.FinishAsync(ct);
            return true;
        }, ct);
        await UntilAsync(() => promises.AllEndedAsync(ct), ct);
        progress.Say("Comparing the books..");
        await Mishap.LeapAsync(scene.Customer, Housekeeping, ct);
        IReadOnlyList<Web.Pages.Finding> findings = [];
        await UntilAsync(async () => (findings = await promises.FindAsync(ct)).All(f => f.Count == 0), ct);
        return findings;
    }

    // Until it is so, or has not become so for as long as it is waited for.
    private async Task UntilAsync(Func<Task<bool>> so, CancellationToken ct)
    {
        for (var began = time.GetTimestamp(); ; await Task.Delay(Look, time, ct))
        {
            try
            {
                if (await so() || time.GetElapsedTime(began) > plan.Patience)
                    return;
            }
            catch (Exception e) when ((e is DbException || Database.IsAway(e)) && time.GetElapsedTime(began) <= plan.Patience)
            {
                // Connections that were ended are noticed by who uses them.
            }
        }
    }

    /// <summary>Nobody else may be in what is broken here. True if the broker can be broken.</summary>
    private async Task<bool> MineAloneAsync(Broker? broker, CancellationToken ct)
    {
        if (configured.Database.Provider != DatabaseSettings.Embedded && await OrdersOfOthersAsync(configured.Database.Open(null)("orchestrator"), ct) is > 0 and var orders)
            throw new CommandException($"There are {orders} orders in that database that no load or chaos placed: it would be broken under them. Name a database of its own (--Database:ConnectionString ..).");
        if (broker is null)
            return false;
        bool used;
        try
        {
            used = await broker.IsUsedAsync(ct);
        }
        catch (CommandException e)
        {
            Console.Error.WriteLine($"The broker is left alone: {e.Message}.");
            return false;
        }

        return used ? throw new CommandException("Somebody is connected to that virtual host, and would be broken too: name one of its own (--Transport:Uri amqp://..).") : true;
    }

    private static async Task<long> OrdersOfOthersAsync(Database database, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand($"SELECT COUNT(*) FROM checkout.order_state WHERE customer_id NOT LIKE '{Wishes.Customer}%'");
        try
        {
            return Convert.ToInt64(await command.ExecuteScalarAsync(ct), System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (DbException e) when (!Database.IsAway(e))
        {
            return 0; // there are no tables yet, or nobody may look: then the start says why
        }
        catch (Exception e) when (Database.IsAway(e))
        {
            throw new CommandException($"{database.Name} cannot be asked ({e.Message.TrimEnd('.')}).");
        }
    }

    private async Task<Func<string, Database>> OpenAsync(Crew crew)
    {
        var embedded = configured.Database.Provider == DatabaseSettings.Embedded ? await crew.DatabaseAsync() : null;
        if (opened is null || opened.Value.Connection != embedded)
            opened = (embedded, configured.Database.Open(embedded));
        return opened.Value.Of;
    }

    private async Task<IReadOnlyList<Database>> DatabasesAsync(Crew crew)
    {
        var databaseOf = await OpenAsync(crew);
        return [.. Settings.AllRoles.Append(DatabaseSettings.Ops).Append(DatabaseSettings.Gateway).Where(configured.Database.Knows).Select(databaseOf).DistinctBy(d => d.Name)];
    }

    private async Task<(Books Books, string? Missing)> ReadAsync(Crew crew, CancellationToken ct)
    {
        var gateway = configured.Payment.GatewayUrl ?? (crew.Urls("payment") is [var first, ..] ? first : null);
        await using var services = new ServiceCollection().BuildServiceProvider();
        return await new HostBooks(configured with { Payment = configured.Payment with { GatewayUrl = gateway, HostsSimulator = false } }, await OpenAsync(crew), services, time).ReadAsync(DateTimeOffset.MinValue, ct);
    }

    private Dictionary<string, string> Described(Scene scene) => new(plan.Load.Wishes.Settings.Select(s => new KeyValuePair<string, string>(s.Name, s.Value)))
    {
        ["duration"] = $"{plan.Duration}",
        ["processes"] = string.Join("; ", scene.Crew.Members.Select(m => m.Roles)),
        ["transport"] = configured.TransportUri is null ? "in memory" : "RabbitMQ, durable quorum queues",
    };
}
