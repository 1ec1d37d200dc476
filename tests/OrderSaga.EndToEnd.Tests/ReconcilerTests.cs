using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host.Reconciliation;
using OrderSaga.Messaging.Databases;
using OrderSaga.Web.Pages;
using Books = OrderSaga.Host.Reconciliation.Books;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Books that agree give nothing; each way to disagree is found, and by its own name alone.</summary>
public class When_books_are_compared
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Complete = Guid.NewGuid(), Cancelled = Guid.NewGuid(), Moving = Guid.NewGuid(), JustEnded = Guid.NewGuid(), Unknown = Guid.NewGuid();

    public static TheoryData<string, string> Troubles => new()
    {
        { "ghost-charges", "money kept for a cancelled order" },
        { "ghost-charges", "money kept for nobody" },
        { "charges", "charged twice" },
        { "charges", "not charged" },
        { "charges", "charged another amount" },
        { "beliefs", "believed to be charged" },
        { "beliefs", "believed to be refunded" },
        { "beliefs", "a charge that payment does not know" },
        { "reservations", "a mark of a complete order" },
        { "reservations", "a mark of nobody" },
        { "taken", "nothing taken for a complete order" },
        { "taken", "taken for a cancelled order" },
        { "taken", "taken for nobody" },
        { "stock", "stock" },
        { "shipments", "a parcel of a cancelled order" },
        { "shipments", "no parcel" },
        { "notifications", "told twice" },
        { "notifications", "told the wrong end" },
        { "notifications", "not told" },
        { "orders", "pending for ever" },
        { "orders", "kept although it was cancelled" },
        { "orders", "an order without a saga" },
    };

    [Fact]
    public void Should_find_nothing_where_all_agree_or_may_still_come_to()
    {
        Assert.All(Find(Well()), finding => Assert.Equal((finding.Name, 0), (finding.Name, finding.Count)));
        // Under way, or just ended: its ending may not have reached everybody.
        var moving = Well() with
        {
            Gateway = [.. Well().Gateway!, Taken(Moving, id: "ch_2"), Taken(JustEnded, id: "ch_3")],
            Marks = [new(Moving, "sku"), new(JustEnded, "sku")],
            Shipments = [.. Well().Shipments, new(JustEnded, "CREATED")],
        };
        Assert.All(Find(moving), finding => Assert.Equal((finding.Name, 0), (finding.Name, finding.Count)));
    }

    [Theory]
    [MemberData(nameof(Troubles))]
    public void Should_find_what_disagrees(string name, string trouble)
    {
        var well = Well();
        var books = trouble switch
        {
            "money kept for a cancelled order" => well with { Gateway = [Taken(Complete), Taken(Cancelled, id: "ch_2")], Charges = [Believed(Complete), Believed(Cancelled, id: "ch_2")] },
            "money kept for nobody" => well with { Gateway = [Taken(Complete), Taken(Unknown, id: "ch_2")], Charges = [Believed(Complete), Believed(Unknown, id: "ch_2")] },
            "charged twice" => well with { Gateway = [Taken(Complete), Taken(Complete, id: "ch_2")], Charges = [Believed(Complete), Believed(Complete, id: "ch_2")] },
            "not charged" => well with { Gateway = [], Charges = [] },
            "charged another amount" => well with { Gateway = [Taken(Complete, 9)], Charges = [Believed(Complete, 9)] },
            "believed to be charged" => well with { Gateway = [.. well.Gateway!, Taken(Cancelled, refunded: 7.98m, id: "ch_2")], Charges = [Believed(Complete), Believed(Cancelled, id: "ch_2")] },
            "believed to be refunded" => well with { Charges = [Believed(Complete, status: "REFUNDED")] },
            "a charge that payment does not know" => well with { Charges = [] },
            "a mark of a complete order" => well with { Marks = [new(Complete, "sku")] },
            "a mark of nobody" => well with { Marks = [new(Unknown, "sku")] },
            "nothing taken for a complete order" => well with { Taken = new HashSet<Guid>() },
            "taken for a cancelled order" => well with { Taken = new HashSet<Guid> { Complete, Cancelled } },
            "taken for nobody" => well with { Taken = new HashSet<Guid> { Complete, Unknown } },
            "stock" => well with { Unbalanced = ["sku"] },
            "a parcel of a cancelled order" => well with { Shipments = [.. well.Shipments, new(Cancelled, "CREATED")] },
            "no parcel" => well with { Shipments = [] },
            "told twice" => well with { Notices = [.. well.Notices, new(Complete, "confirmation")] },
            "told the wrong end" => well with { Notices = [new(Complete, "confirmation"), new(Cancelled, "confirmation")] },
            "not told" => well with { Notices = [new(Complete, "confirmation")] },
            "pending for ever" => well with { Orders = [new(Complete, "PENDING"), new(Cancelled, "CANCELLED")] },
            "kept although it was cancelled" => well with { Orders = [new(Complete, "CONFIRMED"), new(Cancelled, "CONFIRMED")] },
            "an order without a saga" => well with { Orders = [.. well.Orders, new(Unknown, "PENDING")] },
            _ => throw new ArgumentOutOfRangeException(nameof(trouble)),
        };
        var found = Assert.Single(Find(books), finding => finding.Count > 0);
        Assert.Equal((name, 1), (found.Name, found.Count));
        Assert.NotEmpty(found.Examples);
    }

    [Fact]
    public void Should_leave_to_the_list_of_what_is_stuck_what_stands_there()
    {
        var books = Well() with
        {
            Gateway = [Taken(Complete), Taken(Cancelled, id: "ch_2")],
            Charges = [Believed(Complete), Believed(Cancelled, id: "ch_2")],
            Marks = [new(Cancelled, "sku")],
            Stuck = new HashSet<(Guid, string)> { (Cancelled, "ChargePayment"), (Cancelled, "ReserveInventory") },
        };
        Assert.All(Find(books), finding => Assert.Equal(0, finding.Count));
    }

    [Fact]
    public void Should_say_nothing_of_money_where_the_gateway_was_not_asked() =>
        Assert.DoesNotContain(Find(Well() with { Gateway = null }), finding => finding.Name is "charges" or "ghost-charges" or "beliefs");

    private static IReadOnlyList<Finding> Find(Books books) => new Reconciler(books, settledBefore: Now).Find();

    private static Books Well() => new(
        [Taken(Complete)],
        [Believed(Complete)],
        [],
        new HashSet<Guid> { Complete },
        [],
        [new(Complete, "CREATED")],
        [new(Complete, "confirmation"), new(Cancelled, "apology")],
        [new(Complete, "CONFIRMED"), new(Cancelled, "CANCELLED"), new(Moving, "PENDING"), new(JustEnded, "PENDING")],
        new Dictionary<Guid, SagaBook>
        {
            [Complete] = new("Completed", Route, 7.98m, "EUR", Now - TimeSpan.FromMinutes(1)),
            [Cancelled] = new("Cancelled", Route, 7.98m, "EUR", Now - TimeSpan.FromMinutes(1)),
            [Moving] = new("Processing", Route, null, "EUR", null),
            [JustEnded] = new("Cancelled", Route, 7.98m, "EUR", Now + TimeSpan.FromSeconds(1)),
        },
        new HashSet<(Guid, string)>());

    private const string Route = "CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation";

    private static GatewayBook Taken(Guid order, decimal amount = 7.98m, decimal refunded = 0, string id = "ch_1") => new(id, order, amount, "EUR", "charged", refunded);

    private static ChargeBook Believed(Guid order, decimal amount = 7.98m, string status = "CHARGED", string id = "ch_1") => new(order, amount, "EUR", status, id);
}

/// <summary>However many orders there are, few of them are in memory at a time.</summary>
public class When_there_are_more_books_than_are_read_at_once
{
    private const int Most = 4;

    // As many as any slice could hold have been forgotten long ago; and some are nobody's.
    private const string Others = """
        CREATE TEMP TABLE other AS SELECT * FROM orders.orders LIMIT 1;
        DO $$ BEGIN
            FOR n IN 1..9 LOOP
                UPDATE other SET order_id = ('00000000-0000-0000-0000-00000000000' || n)::uuid, at = now() - interval '1 year';
                INSERT INTO orders.orders SELECT * FROM other;
            END LOOP;
            UPDATE other SET order_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff', at = now();
            INSERT INTO orders.orders SELECT * FROM other;
        END $$;
        UPDATE payment.charges SET amount = amount + 1 WHERE order_id IN (SELECT order_id FROM payment.charges WHERE status = 'CHARGED' ORDER BY order_id LIMIT 2);
        DELETE FROM notification.notifications WHERE kind = 'apology';
        UPDATE inventory.stock SET reserved = reserved + 1 WHERE product_id = 'sku-apple';
        SELECT 1
        """;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_find_in_slices_what_is_found_at_once()
    {
        await using var place = await Place.OfAsync("servers");
        await using (var shop = await Shop.StartAsync(place, Ct))
        {
            var placed = await Task.WhenAll(Enumerable.Range(0, 24).Select(async n =>
            {
                using var response = await shop.PlaceAsync(Shop.Order(token: n % 3 == 0 ? "tok_declined" : "tok_visa"), ct: Ct);
                return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
            }));
            foreach (var order in placed)
                await shop.AtRestAsync(order, Ct);
            await Support.Books.AgreeAsync(place, Ct);
        }

        await place.ScalarAsync<int>(Others);
        var database = Database.Postgres(await place.ConnectionStringAsync());
        await using var connections = database.Source;
        var charges = (await place.RowsAsync("SELECT id, order_id, amount, currency, status, refunded FROM gateway.charges WHERE status <> 'declined' ORDER BY id",
            r => new Dated<GatewayBook>(new(r.GetString(0), r.GetGuid(1), r.GetDecimal(2), r.GetString(3), r.GetString(4), r.GetDecimal(5)), DateTimeOffset.MaxValue))).ToList();
        var forgotten = TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(90);

        var atOnce = Find(await Books.ReadAsync(_ => database, charges, forgotten, Slice.All, Ct));
        IReadOnlyList<Finding> together = [];
        var slices = 0;
        await foreach (var slice in Books.SlicesAsync(_ => database, charges, forgotten, Ct, Most))
        {
            slices++;
            Assert.All([slice.Gateway!.Count, slice.Charges.Count, slice.Marks.Count, slice.Taken.Count, slice.Shipments.Count, slice.Notices.Count, slice.Orders.Count, slice.Sagas.Count], many => Assert.InRange(many, 0, Most));
            together = Reconciler.Together(together, Find(slice));
        }

        Assert.InRange(slices, (9 + 24 + 1) / Most, int.MaxValue);
        Assert.Equal("beliefs 2, stock 1, notifications 8, orders 1", Counts(atOnce));
        Assert.Equal(Counts(atOnce), Counts(together));
        Assert.Equal(atOnce.Select(f => string.Join(' ', f.Examples)), together.Select(f => string.Join(' ', f.Examples)));
    }

    [Fact]
    public void Should_know_how_each_kind_of_server_sorts_ids()
    {
        Guid early = new("00000000-0000-0000-0000-000000000002"), late = new("ffffffff-0000-0000-0000-000000000001");
        Assert.Equal(-1, Math.Sign(Database.Postgres("Host=nowhere").OrderOfIds.Compare(early, late)));
        // By the last six bytes first.
        Assert.Equal(1, Math.Sign(Database.SqlServer("Server=nowhere").OrderOfIds.Compare(early, late)));
        Assert.All([Database.Postgres("Host=nowhere"), Database.SqlServer("Server=nowhere")], database => Assert.All([early, late], id =>
            Assert.Equal((-1, -1), (Math.Sign(database.OrderOfIds.Compare(Slice.All.After, id)), Math.Sign(database.OrderOfIds.Compare(id, Slice.All.To))))));
    }

    private static IReadOnlyList<Finding> Find(Books books) => new Reconciler(books, settledBefore: DateTimeOffset.MaxValue).Find();

    private static string Counts(IReadOnlyList<Finding> findings) => string.Join(", ", findings.Where(f => f.Count > 0).Select(f => $"{f.Name} {f.Count}"));
}
