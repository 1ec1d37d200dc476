using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using OrderSaga.EndToEnd.Tests.Operators;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>A shop that is looked at by a real Chromium, with an order of each kind. One browser and one shop for all tests of the pages.</summary>
public sealed class BrowsedShop : IAsyncLifetime
{
    public const string Anns = "the-key-of-ann-is-this", Robs = "the-key-of-rob-is-this";

    // An undo is stuck after two tries; an operator has time to look at what waits.
    private static readonly string[] Settings =
    [
        "--Ops:Actors", $"ann:{Anns}", "--Ops:Readers", $"rob:{Robs}", "--Faults:Enabled", "true", "--Checkout:UndoTime", "00:00:04", "--Checkout:UndoPauses:0", "00:00:00.2",
        "--Checkout:StepTimes:ChargePayment", "00:30:00", "--Checkout:SagaTime", "01:00:00",
    ];

    // Who signed in once, as the browser keeps it.
    private readonly ConcurrentDictionary<string, string> signedIn = new();
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static string Pictures { get; } = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "test-logs", "pages")).FullName;

    internal Place Place { get; private set; } = null!;

    internal Shop Shop { get; private set; } = null!;

    public Guid Complete { get; private set; }

    /// <summary>Waits for its payment.</summary>
    public Guid Waiting { get; private set; }

    /// <summary>Its refund is stuck; a further try succeeds.</summary>
    public Guid Stuck { get; private set; }

    /// <summary>What the browser complained about: scripts that failed, and what the pages' own policy forbids; and what was asked of others.</summary>
    internal List<string> Complaints { get; } = [];

    public async ValueTask InitializeAsync()
    {
        Place = await Place.OfAsync("servers");
        var starting = Shop.StartAsync(Place, Ct, more: Settings);
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium(), Args = ["--no-sandbox", "--disable-gpu"] });
        Shop = await starting;
        Complete = await OrderAsync("c-complete", wait: 30);
        await OrderAsync("c-declined", token: "tok_declined", wait: 30);
        Stuck = await StuckAsync();
        Waiting = await WaitingAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
        await Shop.DisposeAsync();
        await Place.DisposeAsync();
    }

    /// <summary>An order whose refund is stuck; a further try succeeds.</summary>
    public async Task<Guid> StuckAsync(int tries = 2)
    {
        var id = await OrderAsync("c-stuck", $"CreateShipment refuse, ChargePayment undo-throw {tries}");
        await Shop.AtRestAsync(id, Ct);
        return id;
    }

    /// <summary>An order that waits for its payment until somebody does something.</summary>
    public async Task<Guid> WaitingAsync()
    {
        var id = await OrderAsync("c-waiting", "ChargePayment silent");
        for (var i = 0; (await Shop.ReadAsync(id, Ct)).Text("state") != "PriceFrozen"; i++)
        {
            Assert.True(i < 600, "It does not come to its payment.");
            await Task.Delay(50, Ct);
        }

        return id;
    }

    public async Task<Guid> OrderAsync(string customer, string plan = "", string token = "tok_visa", int wait = 0, Action<JsonNode>? with = null)
    {
        var order = JsonNode.Parse((plan.Length == 0 ? Shop.Order(token: token, quantity: 2) : Shop.With(plan)).GetRawText())!;
        order["customer"]!["id"] = customer;
        with?.Invoke(order);
        using var placed = await Shop.PlaceAsync(JsonSerializer.SerializeToElement(order), wait, ct: Ct);
        var said = await placed.Content.ReadAsStringAsync(Ct);
        return JsonElement.Parse(said).TryGetProperty("orderId", out var id) ? id.GetGuid() : throw new InvalidOperationException(said);
    }

    /// <summary>A browser of somebody's own; of an operator, who has signed in.</summary>
    public async Task<IPage> OpenAsync(string path, string? key = Anns, int width = 1360, int height = 900, bool dark = false, bool scripts = true)
    {
        var context = await browser.NewContextAsync(new()
        {
            BaseURL = Shop.Http.BaseAddress!.ToString(), ViewportSize = new() { Width = width, Height = height }, ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light, JavaScriptEnabled = scripts,
            StorageState = key is null ? null : signedIn.GetValueOrDefault(key),
        });
        context.SetDefaultTimeout(20_000);
        var page = await context.NewPageAsync();
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.Contains("Failed to load resource", StringComparison.Ordinal))
                Complaints.Add($"{page.Url}: {message.Text}");
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(Shop.Http.BaseAddress!.ToString(), StringComparison.Ordinal))
                Complaints.Add($"{page.Url} asks {request.Url}");
        };
        page.PageError += (_, error) => Complaints.Add($"{page.Url}: {error}");
        if (key is not null && !signedIn.ContainsKey(key))
        {
            await page.GotoAsync($"/console/sign-in?then={Uri.EscapeDataString(path)}");
            await page.FillAsync("[name=key]", key);
            await page.PressAsync("[name=key]", "Enter");
            await page.WaitForURLAsync($"**{path}");
            signedIn[key] = await context.StorageStateAsync();
        }
        else
            await page.GotoAsync(path);
        return page;
    }

    /// <summary>Keeps what a page looks like, as a result of the test.</summary>
    internal static async Task KeepAsync(IPage page, string name) => await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, $"{name}.png"), FullPage = true, Animations = ScreenshotAnimations.Disabled });

    private static string Chromium() =>
        new[] { Environment.GetEnvironmentVariable("ORDERSAGA_TEST_CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException("There is no Chromium to look at the pages with: install it (sudo apt-get install -y chromium), or say where it is in ORDERSAGA_TEST_CHROMIUM.");
}

/// <summary>One shop and one browser for all that is about pages.</summary>
[CollectionDefinition(nameof(BrowsedShop))]
public sealed class ShopIsBrowsed : ICollectionFixture<BrowsedShop>;
