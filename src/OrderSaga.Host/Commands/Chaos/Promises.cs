using System.Text.Json;
using OrderSaga.Host.Commands.Load;
using OrderSaga.Host.Reconciliation;
using OrderSaga.Messaging.Databases;
using OrderSaga.Web.Pages;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>
/// What was promised to every accepted order, compared with what became of it: by the reconciliation's checks, by what customers were
/// told, and by what was published. Each promise counts its violations.
/// </summary>
internal sealed class Promises(Func<CancellationToken, Task<(Books Books, string? Missing)>> read, Func<string, Task<Database>> databaseOf, HttpClient customer, Broker? broker)
{
    private const string Planned = "PlannedFaultException";

    private readonly Dictionary<Guid, Kind> placed = [];
    private readonly Lock turn = new();
    private readonly HashSet<Guid> failed = [], notOnTheList = [];
    private IReadOnlyList<string> notServed = [];
    private HashSet<Guid> before = [];
    private Dictionary<string, long> shelf = [];

    /// <summary>The orders that were accepted.</summary>
    public IReadOnlyDictionary<Guid, Kind> Placed => placed;

    /// <summary>How many a person had to finish.</summary>
    public int Failed => failed.Count;

    /// <summary>Processes that did not become well after all was mended.</summary>
    public IReadOnlyList<string> NotWell { get; set; } = [];

    /// <summary>What could not be looked at, and why.</summary>
    public IReadOnlyCollection<string> NotChecked { get; private set; } = [];

    /// <summary>Notes what was there before.</summary>
    public async Task BeginAsync(CancellationToken ct)
    {
        before = [.. (await read(ct)).Books.Sagas.Keys];
        shelf = await ShelfAsync(ct);
    }

    public void Accepted(Guid order, Kind kind)
    {
        lock (turn)
            placed[order] = kind;
    }

    /// <summary>Customers of whom some got no order.</summary>
    public void NotServed(int wanted, Totals totals) => notServed =
    [
        .. totals.Errors.SelectMany(e => Enumerable.Repeat(e.Key, e.Value)),
        .. Enumerable.Repeat("not answered", Math.Max(0, wanted - totals.Accepted.Count - totals.Failed)),
    ];

    /// <summary>An order that has failed stands on the list; a person then has what is stuck tried again.</summary>
    public async Task FinishAsync(CancellationToken ct)
    {
        var (books, _) = await read(ct);
        var stuck = books.Stuck.ToLookup(s => s.OrderId, s => s.Step);
        foreach (var order in books.Sagas.Where(s => s.Value.Status == "NeedsAttention" && !before.Contains(s.Key)).Select(s => s.Key))
        {
            failed.Add(order);
            if (!stuck.Contains(order))
                notOnTheList.Add(order);
            foreach (var step in stuck[order])
            {
                using var retried = await customer.PostAsync(new Uri($"ops/stuck/{order}/{step}/retry", UriKind.Relative), null, ct);
            }
        }
    }

    /// <summary>Whether every order is at rest, and none waits for a person.</summary>
    public async Task<bool> AllEndedAsync(CancellationToken ct) => (await read(ct)).Books.Sagas.All(s => before.Contains(s.Key) || s.Value.Status is "Completed" or "Cancelled");

    /// <summary>Each promise with how often it was broken.</summary>
    public async Task<IReadOnlyList<Finding>> FindAsync(CancellationToken ct)
    {
        var (books, missing) = await read(ct);
        NotChecked = [.. missing is null ? Array.Empty<string>() : [missing], .. broker is null ? ["That endings are published once: it takes RabbitMQ, and its management."] : Array.Empty<string>()];
        var ours = books.Sagas.Where(s => !before.Contains(s.Key)).ToDictionary();
        return
        [
            Of("well", "A process did not become well again.", NotWell),
            Of("served", "A customer's order was not taken, though it was sent until it was answered.", notServed),
            Of("lost", "An order was accepted, and is nowhere.", placed.Keys.Where(id => !ours.ContainsKey(id))),
            Of("unwanted", "There is an order that no customer knows of.", ours.Keys.Where(id => !placed.ContainsKey(id))),
            Of("at-rest", "An order is not at rest, or could not be finished by a person.", ours.Where(s => s.Value.Status is "Processing" or "NeedsAttention").Select(s => s.Key)),
            Of("otherwise", "An order is complete that cannot be.", placed.Where(p => ours.TryGetValue(p.Key, out var saga) && saga.Status == "Completed" && !p.Value.MayEnd("Complete")).Select(p => p.Key)),
            Of("listed", "An order had failed, and what was left of it was on no list.", notOnTheList),
            Of("alerted", "An order had failed, and not exactly one alert said so.", await NotAlertedAsync(ct)),
            .. new Reconciler(books, settledBefore: DateTimeOffset.MaxValue).Find(),
            Of("shelf", "More or less of a product has left the shelf than orders took.", await MovedAsync(ct)),
            .. broker is null ? [] : (Finding[])[await PublishedAsync(ours, broker, ct)],
            await DeadLettersAsync(ct),
        ];
    }

    private static Finding Of<T>(string name, string meaning, IEnumerable<T> found)
    {
        const int mostExamples = 10;
        var all = found.Select(f => $"{f}").Order(StringComparer.Ordinal).ToList();
        return new(name, meaning, all.Count, [.. all.Take(mostExamples)]);
    }

    private static async Task<Finding> PublishedAsync(Dictionary<Guid, SagaBook> ours, Broker broker, CancellationToken ct)
    {
        var endings = await broker.EndingsAsync(ct);
        return Of("endings", "An order's ending was not published exactly once.", ours.Where(s => s.Value.Status is "Completed" or "Cancelled").Where(s =>
            string.Join(' ', endings[s.Key].Order(StringComparer.Ordinal)) is var published && (s.Value.Status == "Completed"
                ? published != "checkout-completed"
                : published is not ("checkout-compensated" or "checkout-failed checkout-repaired"))).Select(s => s.Key));
    }

    private async Task<IEnumerable<Guid>> NotAlertedAsync(CancellationToken ct)
    {
        var found = new List<Guid>();
        foreach (var order in failed)
            if ((await GetAsync($"ops/alerts?orderId={order}", ct)).GetProperty("alerts").EnumerateArray().Count(a => a.Text("alert").Contains(" is stuck", StringComparison.Ordinal)) != 1)
                found.Add(order);
        return found;
    }

    // What breaks as an order's plan says is a dead letter, and nothing else is.
    private async Task<Finding> DeadLettersAsync(CancellationToken ct)
    {
        var letters = (await GetAsync("ops/dead-letters", ct)).GetProperty("deadLetters").EnumerateArray().Where(l => l.Text("cause") != Planned);
        return Of("dead-letters", "A message could not be handled, though nothing was wrong with it.", letters.Select(l => $"{l.Text("queue")}: {l.Text("messageType")} of {l.Text("orderId")}, {l.Text("cause")}: {l.Text("error")}"));
    }

    // By this what is on the shelf and what was taken from it together stay the same.
    private async Task<Dictionary<string, long>> ShelfAsync(CancellationToken ct)
    {
        const string sql = "SELECT s.product_id, s.on_hand + COALESCE((SELECT SUM(quantity) FROM inventory.reservations r WHERE r.product_id = s.product_id AND r.status = 'COMMITTED'), 0) FROM inventory.stock s";
        await using var command = (await databaseOf("inventory")).Source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new Dictionary<string, long>();
        while (await reader.ReadAsync(ct))
            all.Add(reader.GetString(0), Convert.ToInt64(reader.GetValue(1), System.Globalization.CultureInfo.InvariantCulture));
        return all;
    }

    private async Task<IEnumerable<string>> MovedAsync(CancellationToken ct)
    {
        var now = await ShelfAsync(ct);
        return shelf.Where(p => now.GetValueOrDefault(p.Key, -1) != p.Value).Select(p => p.Key);
    }

    private async Task<JsonElement> GetAsync(string path, CancellationToken ct) => await customer.GetFromJsonAsync<JsonElement>(new Uri(path, UriKind.Relative), ct);
}
