using System.Data.Common;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host.Commands.Load;

/// <summary>Puts load on a shop that runs, or on one that it starts, and reports what it took.</summary>
internal sealed class LoadCommand : IDisposable
{
    private const string Page = "--html", Before = "--compare";
    private const int Interrupted = 130;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TimeProvider time = TimeProvider.System;
    private readonly CancellationTokenSource interrupt = new();
    private readonly LoadPlan plan;
    private readonly string[] settings;
    private readonly string? page;
    private readonly bool json;
    private readonly Comparison? comparison;
    private readonly Uri? url, management;
    private readonly Progress progress;
    private OwnShop? own;

    private LoadCommand(string[] args)
    {
        var (ours, theirs) = RunArguments.Split(args);
        var arguments = Arguments.Read(ours, [], [.. LoadPlan.Options, ShopClient.Url, RabbitManagement.Option, Page, Before], [ShopClient.Json]);
        plan = LoadPlan.Read(arguments);
        (settings, page, json, progress) = (theirs, arguments.Option(Page), arguments.Has(ShopClient.Json), new(time));
        (url, management) = (RunArguments.UrlOf(ShopClient.Url, arguments), RunArguments.UrlOf(RabbitManagement.Option, arguments));
        comparison = arguments.Option(Before) is { } file ? Comparison.Read(file) : null;
        if (page is not null && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(page))))
            throw new CommandException($"The page cannot be written to {page}: there is no such folder.");
    }

    public static async Task<int> RunAsync(string[] args)
    {
        using var command = new LoadCommand(args);
        using var signals = command.Listen();
        try
        {
            return await command.RunAsync();
        }
        catch (OperationCanceledException) when (command.interrupt.IsCancellationRequested)
        {
            command.progress.Clear();
            Console.Error.WriteLine("Interrupted before any order was counted.");
            return Interrupted;
        }
    }

    public void Dispose() => interrupt.Dispose();

    // The first ends it with a report, the second at once.
    private Signals Listen() => new(() =>
    {
        if (interrupt.IsCancellationRequested)
        {
            own?.Interrupt();
            Environment.Exit(Interrupted);
        }

        interrupt.Cancel();
    });

    private async Task<int> RunAsync()
    {
        var configured = Settings.Read(Start.Configured(settings).Configuration);
        if (url is null)
            progress.Say("Starting a shop..");
        await using var started = own = url is null ? await OwnShop.StartAsync(plan.Wishes.Plans ? ["--Faults:Enabled", "true", .. settings] : settings, time, interrupt.Token) : null;
        var shop = own?.Url ?? url!;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = !shop.IsLoopback, AllowAutoRedirect = false }) { BaseAddress = shop, Timeout = Patience };
        var tried = await new LoadRun(plan, http, new EventEnds(http, time), time).TryAsync(interrupt.Token);
        var (databases, missing) = await DatabasesAsync(configured, tried);
        using var meter = new Meter(databases, configured.TransportUri, management, time);
        if (missing is not null)
            meter.Misses($"transactions and write-ahead log: {missing}");
        if (own is null && configured.TransportUri is null)
            meter.Misses("a broker, if the shop has one: it was not said where (--Transport:Kind RabbitMq --Transport:Uri ..)");
        await using var looks = databases.Count > 0 ? new DatabaseEnds(databases[0].Source, time) : null;
        var run = new LoadRun(plan, http, looks ?? (IEnds)new EventEnds(http, time), time);
        var report = await MeasureAsync(run, meter, looks, shop, configured);
        return Tell(report);
    }

    private async Task<LoadReport> MeasureAsync(LoadRun run, Meter meter, DatabaseEnds? looks, Uri shop, Settings configured)
    {
        if (!await FollowedAsync("Warming up", new(time), run, plan.Before, null))
            throw new CommandException($"The orders that were to warm the shop up do not come to rest: nothing happened for {plan.Silence.TotalSeconds:0} s. See what it logs.");
        interrupt.Token.ThrowIfCancellationRequested();
        await meter.FindAsync(shop, own?.Id, interrupt.Token);
        var before = await meter.ReadAsync(interrupt.Token);
        before = await meter.SettleAsync(before, Settling, interrupt.Token);
        plan.Wishes.Restart();
        // Again: what is told at once has gone on meanwhile.
        var swift = await meter.ReadAsync(interrupt.Token);
        before = swift with { Transactions = before.Transactions, BrokerMessages = before.BrokerMessages };
        var (spent, tally) = (looks?.Statements ?? 0, new Tally(time));
        var going = await FollowedAsync("Measuring", tally, run, plan.Count, plan.Time);
        var totals = tally.Read();
        spent = (looks?.Statements ?? 0) - spent;
        var after = await meter.ReadAsync(CancellationToken.None);
        try
        {
            after = await meter.SettleAsync(after, Settling, interrupt.Token);
        }
        catch (OperationCanceledException)
        {
            meter.Misses("transactions and broker messages: it was interrupted before the servers had told them");
        }

        progress.Clear();
        var why = interrupt.IsCancellationRequested ? "it was interrupted" : going ? null : $"nothing happened for {plan.Silence.TotalSeconds:0} s";
        return LoadReport.Of(totals, before, after, spent, meter.NotCounted, Described(meter, looks is not null, shop, configured), time.GetUtcNow()) with
        {
            CutShort = why,
            SentLateMs = plan.PerSecond is null ? null : Math.Round(totals.Latest.TotalMilliseconds, 1),
        };
    }

    private async Task<bool> FollowedAsync(string what, Tally tally, LoadRun run, int? count, TimeSpan? limit)
    {
        if (count == 0)
            return true;
        using var done = new CancellationTokenSource();
        var shown = progress.FollowAsync(what, tally, count, limit, done.Token);
        var going = await run.RunAsync(tally, count, limit, interrupt.Token);
        await done.CancelAsync();
        await shown;
        return going;
    }

    private void Settling(TimeSpan lag) => progress.Say($"Waiting {lag.TotalSeconds:0} s until the servers have told what they counted..");

    // The databases that count: all of the shop's, or none.
    private async Task<(IReadOnlyList<Database> Databases, string? Missing)> DatabasesAsync(Settings configured, Guid tried)
    {
        var embedded = configured.Database.Provider != DatabaseSettings.Embedded ? null
            : own is not null ? await own.Folder.DatabaseAsync()
            : await EmbeddedPostgres.RunningInAsync(Start.EmbeddedFolder);
        if (configured.Database.Provider == DatabaseSettings.Embedded && embedded is null)
            return ([], "it was not said where the shop's databases are (--Database:Provider Postgres --Database:ConnectionString ..), and none runs in this folder");
        var databaseOf = configured.Database.Open(embedded);
        var databases = Settings.AllRoles.Append(DatabaseSettings.Ops).Append(DatabaseSettings.Gateway).Where(configured.Database.Knows).Select(databaseOf).Prepend(databaseOf("orchestrator")).DistinctBy(d => d.Name).ToList();
        try
        {
            return await DatabaseEnds.KnowsAsync(databases[0].Source, tried, interrupt.Token)
                ? (databases, null)
                : ([], $"{databases[0].Name} does not know the orders of the shop at {url}");
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            return ([], $"{databases[0].Name} cannot be asked ({e.Message.TrimEnd('.')})");
        }
    }

    private Dictionary<string, string> Described(Meter meter, bool looks, Uri shop, Settings configured)
    {
        var said = new Dictionary<string, string>
        {
            ["shop"] = own is null ? $"{shop}" : "started for this run, one process",
            ["orders"] = plan.Count is { } count ? $"{count}" : "as many as fit",
            ["warm-up"] = $"{plan.Before}",
            ["pace"] = plan.Pace,
            ["ends seen by"] = looks ? DatabaseEnds.How : EventEnds.How,
        };
        if (plan.Time is { } limit)
            said["duration"] = $"{limit}";
        foreach (var (name, value) in plan.Wishes.Settings)
            said[name] = value;
        if (own is not null || configured.TransportUri is not null)
            said["transport"] = configured.TransportUri is null ? "in memory" : "RabbitMQ, durable quorum queues";
        if (meter.Settings.Count > 0)
            said["database"] = string.Join("; ", meter.Settings);
        // Values may hold passwords; what is switched on or off does not.
        foreach (var (name, value) in RunArguments.Pairs(settings).Where(s => s.Name.StartsWith("--Checkout:", StringComparison.OrdinalIgnoreCase)))
            said[name[2..]] = value;
        return said;
    }

    private int Tell(LoadReport report)
    {
        report = report with { Compared = comparison?.With(report.Element) };
        if (json)
            Output.Json(report.Element);
        else
            ReportText.Print(report, comparison);
        if (page is not null)
            WritePage(report);
        return interrupt.IsCancellationRequested ? Interrupted : report.IsGood ? CommandLine.Done : CommandLine.Failed;
    }

    private void WritePage(LoadReport report)
    {
        try
        {
            File.WriteAllText(page!, ReportPage.Of(report, comparison));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The page cannot be written to {page}: {e.Message}");
        }
    }
}
