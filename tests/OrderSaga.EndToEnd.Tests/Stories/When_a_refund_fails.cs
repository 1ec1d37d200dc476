using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.EndToEnd.Tests.Support;
using RabbitMQ.Client;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>The gateway takes the money and will not give it back: it is tried for a minute, then somebody is told, and a person has it finished.</summary>
public sealed class When_a_refund_fails : IAsyncLifetime
{
    private const string Anns = "the-key-of-ann-is-this", Secret = "known to both sides";
    private static readonly int[] Pauses = [2, 4, 8, 16, 32];
    private readonly ConcurrentDictionary<string, string> charges = [];
    private readonly ConcurrentQueue<(string Signature, string Body)> posts = [];
    private volatile bool refunds;
    private volatile int refused;
    private ServersPlace place = null!;
    private WebApplication outside = null!;
    private Shop shop = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        place = await ServersPlace.MakeAsync();
        outside = await StartOutsideAsync();
        var address = outside.Urls.Single();
        shop = await Shop.StartAsync(place, Ct, more:
        [
            "--environment", "Development", "--Ops:Actors", $"ann:{Anns}", "--Payment:GatewayUrl", address, "--Alerts:Webhook", $"{address}/hook", "--Alerts:Secret", Secret,
        ]);
        shop.Http.DefaultRequestHeaders.Add("X-Api-Key", Anns);
    }

    public async ValueTask DisposeAsync()
    {
        await shop.DisposeAsync();
        await outside.DisposeAsync();
        await place.DisposeAsync();
    }

    [Fact]
    public async Task Should_be_tried_for_a_minute_then_told_and_be_finished_by_a_person()
    {
        await using var connection = await new ConnectionFactory { Uri = place.Broker.Uri }.CreateConnectionAsync(Ct);
        await using var accounting = await ListenAsync(connection);
        using var placed = await shop.PlaceAsync(Shop.With("CreateShipment refuse"), ct: Ct);
        var id = (await placed.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
        // While the gateway only fails the refund is held, and each try ends in silence.
        await UntilAsync(() => Task.FromResult(refused >= 5));
        List<int> pauses = [];
        while (await NextAsync(id) is { } order)
        {
            // As long as it would take: the clock is moved on from one thing that is due to the next.
            var (pausing, due) = (Text(order, "phase") == "pausing", order.GetProperty("due").GetDateTimeOffset());
            if (pausing)
                pauses.Add((int)Math.Round((due - order.GetProperty("updatedAt").GetDateTimeOffset()).TotalSeconds));
            await AdvanceAsync(pausing ? pauses[^1] : 10);
            await UntilAsync(async () => await ReadAsync(id) is var now && (now.GetProperty("endedAt").ValueKind != JsonValueKind.Null || Text(now, "due") != Text(order, "due")));
        }

        // A short one may pass before it is looked at; the log has them all.
        Assert.Subset(Pauses.ToHashSet(), pauses.ToHashSet());
        Assert.InRange(pauses.Count, 3, Pauses.Length);
        var log = (await ReadAsync(id)).GetProperty("log").EnumerateArray().Where(e => Text(e, "step") == "ChargePayment" && Text(e, "direction") == "undo").ToList();
        Assert.Equal([.. Enumerable.Repeat("silent asked again", 5), "stuck"], string.Join(' ', log.Select(e => Text(e, "status"))).Replace("again silent", "again\nsilent", StringComparison.Ordinal).Replace("again stuck", "again\nstuck", StringComparison.Ordinal).Split('\n'));
        var times = log.Select(e => e.GetProperty("at").GetDateTimeOffset()).ToList();
        Assert.All(Pauses.Index(), p => Assert.InRange((times[(2 * p.Index) + 1] - times[2 * p.Index]).TotalSeconds, p.Item - 0.1, double.MaxValue));
        Assert.Equal(("Failed", "NeedsAttention"), await StandsAsync(id));
        Assert.Single(charges);
        var list = await RunAsync("stuck", "list");
        Assert.Matches($"{id}  ChargePayment  stuck ", list.Output);

        // One alert, signed, by the time of the shop.
        await UntilAsync(() => Task.FromResult(!posts.IsEmpty));
        var (signature, body) = Assert.Single(posts);
        var at = signature.Split(',')[0][2..];
        Assert.Equal($"t={at},v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes($"{at}.{body}")))}", signature);
        Assert.Contains($"{id}", body, StringComparison.Ordinal);
        Assert.Contains("RefundPayment is stuck", body, StringComparison.Ordinal);
        await UntilAsync(async () => (await RunAsync("alerts", "list", "--state", "delivered")).Output.Contains($"{id}", StringComparison.Ordinal));

        // The person has it tried again, and this time it comes through.
        var retried = await RunAsync("stuck", "retry", $"{id}", "ChargePayment", "--reason", "the gateway's desk answers again");
        Assert.Equal((0, "", $"Order {id}: retried; it is Failed now.\n"), (retried.ExitCode, retried.Error, retried.Output));
        refunds = true;
        await UntilAsync(async () => await StandsAsync(id) == ("Compensated", "Cancelled"));
        Assert.Equal("refunded", Assert.Single(charges.Values));
        Assert.Equal("refunded", await place.ScalarAsync<string>("SELECT lower(status) FROM payment.charges"));
        Assert.Equal("repaired", await place.ScalarAsync<string>("SELECT ended FROM checkout.order_state"));
        BasicGetResult? repaired = null;
        await UntilAsync(async () => (repaired = await accounting.BasicGetAsync("accounting", autoAck: true, Ct)) is not null);
        Assert.Contains($"{id}", Encoding.UTF8.GetString(repaired!.Body.Span), StringComparison.Ordinal);

        var audit = Assert.Single((await shop.Http.GetFromJsonAsync<JsonElement>($"ops/audit?order={id}", Ct)).GetProperty("audit").EnumerateArray());
        Assert.Equal(
            ("ann", "retry", "ChargePayment", "retried", "the gateway's desk answers again"),
            (Text(audit, "actor"), Text(audit, "action"), Text(audit, "step"), Text(audit, "outcome"), Text(audit, "reason")));
        Assert.Contains("ann", (await RunAsync("orders", "show", $"{id}")).Output, StringComparison.Ordinal);
        Assert.Equal("Nothing is stuck.\n", (await RunAsync("stuck", "list")).Output);
        Assert.Single(posts);
        Assert.Equal(1, await place.ScalarAsync<long>("SELECT count(*) FROM notification.notifications WHERE kind = 'apology'"));
    }

    // The gateway, and whoever is on call.
    private async Task<WebApplication> StartOutsideAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRouting();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/gateway/charges", (JsonElement charge, HttpRequest request) =>
        {
            charges.TryAdd($"{request.Headers["Idempotency-Key"]}", "charged");
            return Results.Json(new { chargeId = "ch_1", amount = charge.GetProperty("amount").GetDecimal(), currency = "EUR", status = "charged" }, statusCode: 201);
        });
        app.MapPost("/gateway/charges/{id}/refunds", (string id) =>
        {
            if (!refunds)
            {
                Interlocked.Increment(ref refused);
                return Results.StatusCode(500);
            }

            charges[charges.Keys.Single()] = "refunded";
            return Results.Json(new { }, statusCode: 201);
        });
        app.MapPost("/hook", async (HttpRequest request) =>
        {
            using var body = new StreamReader(request.Body);
            posts.Enqueue(($"{request.Headers["OrderSaga-Signature"]}", await body.ReadToEndAsync()));
        });
        await app.StartAsync(Ct);
        return app;
    }

    // Another program, which hears what became of failed orders.
    private static async Task<IChannel> ListenAsync(IConnection connection)
    {
        var channel = await connection.CreateChannelAsync(cancellationToken: Ct);
        await channel.ExchangeDeclareAsync("checkout-repaired", "fanout", durable: true, cancellationToken: Ct);
        await channel.QueueDeclareAsync("accounting", durable: true, exclusive: false, autoDelete: false, cancellationToken: Ct);
        await channel.QueueBindAsync("accounting", "checkout-repaired", "", cancellationToken: Ct);
        return channel;
    }

    // The order once its refund waits for something; none when it is at rest.
    private async Task<JsonElement?> NextAsync(Guid id)
    {
        JsonElement order = default;
        await UntilAsync(async () => (order = await ReadAsync(id)).GetProperty("endedAt").ValueKind != JsonValueKind.Null || Text(order, "waitsFor") == "RefundPayment");
        return order.GetProperty("endedAt").ValueKind == JsonValueKind.Null ? order : null;
    }

    private Task<JsonElement> ReadAsync(Guid id) => shop.Http.GetFromJsonAsync<JsonElement>($"ops/orders/{id}", Ct);

    private async Task<(string, string)> StandsAsync(Guid id) => await ReadAsync(id) is var order ? (Text(order, "state"), Text(order, "status")) : default;

    private async Task AdvanceAsync(int seconds)
    {
        using var moved = await shop.Http.PostAsJsonAsync("ops/clock/advance", new { seconds }, Ct);
        Assert.True(moved.IsSuccessStatusCode);
    }

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; !await holds(); i++)
        {
            Assert.True(i < 600, string.Create(CultureInfo.InvariantCulture, $"It does not come to hold within 60 s ({refused} refunds were refused).\n{shop.Output}"));
            await Task.Delay(100, Ct);
        }
    }

    private Task<Command> RunAsync(params string[] command) => Command.RunAsync(place.Folder, [.. command, "--url", $"{shop.Http.BaseAddress}"], Ct, ("Ops__ApiKey", Anns));

    private static string Text(JsonElement element, string property) => element.GetProperty(property).ToString();
}
