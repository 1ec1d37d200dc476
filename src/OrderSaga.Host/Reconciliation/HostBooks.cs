using System.Data.Common;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.Databases;
using OrderSaga.Orchestrator;
using OrderSaga.Services;
using OrderSaga.Web.Pages;

namespace OrderSaga.Host.Reconciliation;

/// <summary>Reads everybody's books: all of them, to compare, or what they say of one order. It reads only.</summary>
internal sealed class HostBooks(Settings settings, Func<string, Database> databaseOf, IServiceProvider services, TimeProvider time) : IBooks
{
    private static readonly Dictionary<string, string> Queues = Bus.Services.SelectMany(m => m.Contracts.Select(c => (c.Name, Queue: m.Name))).DistinctBy(q => q.Name).ToDictionary(q => q.Name, q => q.Queue);

    internal static readonly string[] Services = ["orders", "inventory", "pricing", "payment", "shipping", "notification"];

    /// <summary>Orders that ended less than so many seconds ago are left out, unless it is said otherwise.</summary>
    internal const int UsuallySettled = 30;

    // From its first effect to its end: what is that much younger than what is forgotten is known, or nobody's.
    private static readonly TimeSpan LongestOrder = TimeSpan.FromDays(1);

    /// <summary>The role whose database is needed to compare and not known here, if there is one.</summary>
    public string? Unknown => Settings.AllRoles.Except(["web"]).FirstOrDefault(role => !settings.Database.Knows(role));

    public async Task<Reconciled> ReconcileAsync(CancellationToken ct)
    {
        if (Unknown is { } unknown)
            return new(time.GetUtcNow(), 0, [], $"Nothing could be compared: this process does not know the database of {unknown}. Set {DatabaseSettings.KeyOf(unknown)}.");
        try
        {
            return await ReconcileAsync(UsuallySettled, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DbException || Database.IsAway(e))
        {
            return new(time.GetUtcNow(), 0, [], "Nothing could be compared: one of the databases does not answer.");
        }
    }

    public async Task<Reconciled> ReconcileAsync(int settled, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var known = services.GetRequiredService<IOptions<CheckoutOptions>>().Value.LogRetention;
        var (gateway, missing) = await ChargesAsync(ct).ConfigureAwait(false);
        IReadOnlyList<Finding> findings = [];
        await foreach (var books in Books.SlicesAsync(databaseOf, gateway, now - known + LongestOrder, ct).ConfigureAwait(false))
            findings = Reconciler.Together(findings, new Reconciler(books, now - TimeSpan.FromSeconds(settled)).Find());
        return new(now, findings.Sum(f => f.Count), findings, missing);
    }

    /// <summary>All of the books at once, and what could not be read of them.</summary>
    internal async Task<(Books Books, string? Missing)> ReadAsync(DateTimeOffset forgotten, CancellationToken ct)
    {
        var (gateway, missing) = await ChargesAsync(ct).ConfigureAwait(false);
        return (await Books.ReadAsync(databaseOf, gateway, forgotten, Slice.All, ct).ConfigureAwait(false), missing);
    }

    /// <summary>What every service's own log says of an order.</summary>
    public async Task<IReadOnlyList<StepLine>> StepsAsync(Guid orderId, CancellationToken ct)
    {
        var lines = await Task.WhenAll(Services.Where(settings.Database.Knows).Select(service => OfAsync(service, orderId, $"SELECT step, undo, status, at FROM {service}.step_log WHERE order_id = @order_id",
            r => new StepLine(service, r.GetString(0), r.GetBoolean(1), r.GetString(2), r.GetFieldValue<DateTimeOffset>(3)), ct))).ConfigureAwait(false);
        return [.. lines.SelectMany(l => l).OrderBy(l => l.At)];
    }

    /// <summary>Services whose books cannot be read from here.</summary>
    public IReadOnlyList<string> NotAsked => [.. Services.Where(service => !settings.Database.Knows(service))];

    public string ServiceOf(string command) => Queues.GetValueOrDefault(command, "a service");

    public async Task<OrderBooks> OfOrderAsync(Guid orderId, CancellationToken ct)
    {
        Task<List<T>> From<T>(string service, string sql, Func<DbDataReader, T> read) => settings.Database.Knows(service) ? OfAsync(service, orderId, sql, read, ct) : Task.FromResult<List<T>>([]);
        var charges = From("payment", "SELECT amount, currency, status, charge_id FROM payment.charges WHERE order_id = @order_id", r => new ChargeLine(r.GetDecimal(0), r.GetString(1), r.GetString(2), r.GetString(3)));
        var stock = From("inventory", "SELECT product_id, quantity, status FROM inventory.reservations WHERE order_id = @order_id", r => new StockMark(r.GetString(0), r.GetInt32(1), r.GetString(2)));
        var order = From("orders", "SELECT status FROM orders.orders WHERE order_id = @order_id", r => new StandingLine("Order", r.GetString(0)));
        var parcel = From("shipping", "SELECT status FROM shipping.shipments WHERE order_id = @order_id", r => new StandingLine("Parcel", r.GetString(0)));
        var notices = From("notification", "SELECT kind, status FROM notification.notifications WHERE order_id = @order_id", r => new StandingLine($"Mail: {r.GetString(0)}", r.GetString(1)));
        var gateway = GatewayOfAsync(orderId, ct);
        return new(await StepsAsync(orderId, ct).ConfigureAwait(false), await charges.ConfigureAwait(false), await gateway.ConfigureAwait(false), await stock.ConfigureAwait(false),
            [.. await order.ConfigureAwait(false), .. await parcel.ConfigureAwait(false), .. await notices.ConfigureAwait(false)], NotAsked);
    }

    private async Task<List<T>> OfAsync<T>(string service, Guid orderId, string sql, Func<DbDataReader, T> read, CancellationToken ct)
    {
        await using var command = databaseOf(service).Source.CreateCommand(sql);
        var order = command.CreateParameter();
        (order.ParameterName, order.Value) = ("order_id", orderId);
        command.Parameters.Add(order);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var lines = new List<T>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
            lines.Add(read(reader));
        return lines;
    }

    // ---- the gateway, over HTTP, as any provider ----

    // What is read of it: others may say more.
    private sealed record Charge(string ChargeId, Guid OrderId, decimal Amount, string Currency, string Status, decimal Refunded, DateTimeOffset? CreatedAt)
    {
        public string Standing => Status == "declined" ? Status : "charged";
    }

    private Uri? Gateway => settings.Payment.GatewayUrl ?? (settings.Payment.HostsSimulator ? GatewaySimulator.AddressOf(services) : null);

    private static HttpClient Client(Uri address) => new(new SocketsHttpHandler { UseProxy = !address.IsLoopback }) { BaseAddress = address };

    private async Task<IReadOnlyList<GatewayLine>?> GatewayOfAsync(Guid orderId, CancellationToken ct)
    {
        if (Gateway is not { } address)
            return null;
        using var http = Client(address);
        try
        {
            // A page waits for it.
            var charges = await http.GetFromJsonAsync<Charge[]>(new Uri($"gateway/charges?orderId={orderId}", UriKind.Relative), ct).WaitAsync(TimeSpan.FromSeconds(2), ct).ConfigureAwait(false) ?? [];
            return [.. charges.Select(c => new GatewayLine(c.ChargeId, c.Amount, c.Currency, c.Standing, c.Refunded))];
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException)
        {
            return null;
        }
    }

    // Page by page, and no more of it than is compared.
    private async Task<(List<Dated<GatewayBook>>? Charges, string? Missing)> ChargesAsync(CancellationToken ct)
    {
        if (Gateway is not { } address)
            return (null, "Money: this process does not know the gateway. Ask a process that holds payment, or set Payment:GatewayUrl.");
        using var http = Client(address);
        var all = new List<Dated<GatewayBook>>();
        try
        {
            for (var after = ""; ;)
            {
                var page = await http.GetFromJsonAsync<Charge[]>(new Uri($"gateway/charges{after}", UriKind.Relative), ct).ConfigureAwait(false) ?? [];
                if (page.Length == 0)
                    return (all, null);
                all.AddRange(page.Where(c => c.Standing == "charged").Select(c => new Dated<GatewayBook>(new(c.ChargeId, c.OrderId, c.Amount, c.Currency, c.Standing, c.Refunded), c.CreatedAt ?? DateTimeOffset.MaxValue)));
                after = $"?after={Uri.EscapeDataString(page[^1].ChargeId)}";
            }
        }
        catch (HttpRequestException e)
        {
            return (null, $"Money: the gateway did not show its charges ({e.StatusCode?.ToString() ?? e.HttpRequestError.ToString()}).");
        }
    }
}
