using OrderSaga.Host.Reconciliation;
using OrderSaga.Web.Pages;

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
