using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;
using OrderSaga.Services;

namespace OrderSaga.Host.Reconciliation;

/// <summary>Shows operators whether everybody's books agree. Reads only, and all of the books: nothing for every minute.</summary>
internal static class ReconciliationApi
{
    internal const int UsuallySettled = 30;
    private const int LongestSettled = 24 * 60 * 60;

    // From its first effect to its end: what is that much younger than what is forgotten is known, or nobody's.
    private static readonly TimeSpan LongestOrder = TimeSpan.FromDays(1);

    // What is read of the gateway: others may say more.
    private sealed record Charge(string ChargeId, Guid OrderId, decimal Amount, string Currency, string Status, decimal Refunded, DateTimeOffset? CreatedAt);

    public static void MapReconciliation(this IEndpointRouteBuilder app, Settings settings, Func<string, Database> databaseOf) =>
        app.MapGet("/ops/reconciliation", (HttpContext http, TimeProvider time, [FromQuery] int? settled, CancellationToken ct) =>
            ReconcileAsync(settings, databaseOf, http.RequestServices, time, settled ?? UsuallySettled, ct)).ForReaders()
            .WithSummary("Compare everybody's books")
            .WithDescription("Per check a count, 0 when all is well, and examples. Reads all of the tables. Orders that ended less than `settled` seconds ago are left out.")
            .Answers(200, "What does not agree.", typeof(object))
            .Refuses(400, "question-invalid", "`settled` is no number of seconds up to a day")
            .Refuses(409, "books-unknown", "this process does not know all of the databases");

    private static async Task<IResult> ReconcileAsync(Settings settings, Func<string, Database> databaseOf, IServiceProvider services, TimeProvider time, int settled, CancellationToken ct)
    {
        if (settled is < 0 or > LongestSettled)
            return Problems.Invalid("question", new Dictionary<string, string[]> { ["settled"] = [$"It is a number of seconds from 0 to {LongestSettled}: orders that ended less than that ago are left out."] });
        if (UnknownIn(settings) is { } unknown)
            return Problems.Of(409, "books-unknown", "Not all books can be read here.", $"This process does not know the database of {unknown}: set {DatabaseSettings.KeyOf(unknown)}.");
        var (now, findings, missing) = await FindAsync(settings, databaseOf, services, time, TimeSpan.FromSeconds(settled), ct).ConfigureAwait(false);
        return Results.Ok(new { at = now, settledSeconds = settled, violations = findings.Sum(f => f.Count), checks = findings, notChecked = missing });
    }

    /// <summary>A role whose database this process does not know.</summary>
    internal static string? UnknownIn(Settings settings) => Settings.AllRoles.Except(["web"]).FirstOrDefault(role => !settings.Database.Knows(role));

    /// <summary>Reads all of the books and compares them; leaves out orders that ended less than that ago.</summary>
    internal static async Task<(DateTimeOffset At, IReadOnlyList<Finding> Findings, string? Missing)> FindAsync(
        Settings settings, Func<string, Database> databaseOf, IServiceProvider services, TimeProvider time, TimeSpan settled, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var known = services.GetRequiredService<IOptions<CheckoutOptions>>().Value.LogRetention;
        string? missing = null;
        var books = await Books.ReadAsync(databaseOf, async stop =>
        {
            (var charges, missing) = await ChargesAsync(settings, services, stop).ConfigureAwait(false);
            return charges;
        }, now - known + LongestOrder, ct).ConfigureAwait(false);
        return (now, [.. new Reconciler(books, now - settled).Find()], missing);
    }

    // Page by page over HTTP, as from any provider.
    private static async Task<(IReadOnlyList<Dated<GatewayBook>>? Charges, string? Missing)> ChargesAsync(Settings settings, IServiceProvider services, CancellationToken ct)
    {
        if ((settings.Payment.GatewayUrl ?? (settings.Payment.HostsSimulator ? GatewaySimulator.AddressOf(services) : null)) is not { } address)
            return (null, "Money: this process does not know the gateway. Ask a process that holds payment, or set Payment:GatewayUrl.");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback }) { BaseAddress = address };
        var all = new List<Dated<GatewayBook>>();
        try
        {
            while (true)
            {
                var after = all.Count == 0 ? "" : $"?after={Uri.EscapeDataString(all[^1].Book.Id)}";
                var page = await http.GetFromJsonAsync<Charge[]>(new Uri($"gateway/charges{after}", UriKind.Relative), ct).ConfigureAwait(false) ?? [];
                if (page.Length == 0)
                    return (all, null);
                all.AddRange(page.Select(c => new Dated<GatewayBook>(
                    new(c.ChargeId, c.OrderId, c.Amount, c.Currency, c.Status == "declined" ? c.Status : "charged", c.Refunded), c.CreatedAt ?? DateTimeOffset.MaxValue)));
            }
        }
        catch (HttpRequestException e)
        {
            return (null, $"Money: the gateway did not show its charges ({e.StatusCode?.ToString() ?? e.HttpRequestError.ToString()}).");
        }
    }
}
