using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services.Tests;

public sealed partial class When_outside_programs_read_the_tables(Shop shop) : IClassFixture<Shop>
{
    [Theory]
    [InlineData("orders", "orders", "order_id status customer_id currency at")]
    [InlineData("inventory", "stock", "product_id on_hand reserved")]
    [InlineData("inventory", "reservations", "order_id product_id quantity status")]
    [InlineData("pricing", "prices", "product_id currency valid_from valid_until unit_price")]
    [InlineData("pricing", "frozen_prices", "order_id total currency status")]
    [InlineData("payment", "charges", "order_id amount currency status charge_id")]
    [InlineData("payment", "fraud_checks", "order_id customer_id number amount currency status at")]
    [InlineData("shipping", "shipments", "order_id status label_number name street city postal_code country delivery_day packed_at")]
    [InlineData("shipping", "delivery_slots", "day capacity taken")]
    [InlineData("shipping", "gift_wraps", "order_id status")]
    [InlineData("notification", "notifications", "order_id kind status recipient text at channel sent_at tries due")]
    public async Task Should_find_them_as_promised(string schema, string table, string columns) =>
        Assert.Equal(columns.Split(' ').Order(StringComparer.Ordinal), (await ColumnsAsync(schema, table)).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("orders"), InlineData("inventory"), InlineData("pricing"), InlineData("payment"), InlineData("shipping"), InlineData("notification")]
    public async Task Should_find_a_step_log_in_every_service(string schema) =>
        Assert.Empty("order_id step status at".Split(' ').Except(await ColumnsAsync(schema, "step_log")));

    [Fact]
    public async Task Should_find_the_demo_catalogue_on_the_shelves_and_priced() => Assert.Equal(
        """
        sku-apple 1000000 3.9900 EUR
        sku-last 1 9.9900 EUR
        sku-none 0 4.9900 EUR
        sku-pear 1000000 2.4900 EUR
        sku-plum 1000000 0.9900 EUR
        """,
        await shop.ReadAsync("SELECT product_id, on_hand, unit_price, currency FROM inventory.stock JOIN pricing.prices USING (product_id) ORDER BY 1"));

    /// <summary>SQL Server cannot have unbounded keys, and what is bounded here is bounded there.</summary>
    [Fact]
    public void Should_bound_every_text_but_the_stored_answer_on_sql_server()
    {
        string[] scripts =
        [
            Script<OrdersDb>(o => new(o)), Script<InventoryDb>(o => new(o)), Script<PricingDb>(o => new(o)),
            Script<PaymentDb>(o => new(o)), Script<ShippingDb>(o => new(o)), Script<NotificationDb>(o => new(o)), Script<GatewayDb>(o => new(o)),
        ];

        Assert.All(scripts, script => Assert.Equal(["answer"], Unbounded().Matches(script).Select(m => m.Groups[1].Value)));
        Assert.All(scripts, script => Assert.DoesNotContain("nvarchar(450)", script));
    }

    private static string Script<TDb>(Func<DbContextOptions<TDb>, TDb> make)
        where TDb : DbContext, IOwnsSchema
    {
        var options = new DbContextOptionsBuilder<TDb>();
        Database.SqlServer("Server=nowhere").Configure(options);
        using var db = make(options.Options);
        return db.Database.GenerateCreateScript();
    }

    [GeneratedRegex(@"\[(\w+)\] nvarchar\(max\)")]
    private static partial Regex Unbounded();

    private async Task<string[]> ColumnsAsync(string schema, string table) =>
        (await shop.ReadAsync($"SELECT column_name FROM information_schema.columns WHERE table_schema = '{schema}' AND table_name = '{table}'")).Split('\n');
}
