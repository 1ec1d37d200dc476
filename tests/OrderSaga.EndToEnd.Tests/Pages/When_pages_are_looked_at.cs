using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>Each page as people see it: wide, dark and on a phone, by mouse and by keyboard, with and without scripts.</summary>
[Collection(nameof(BrowsedShop))]
public sealed partial class When_pages_are_looked_at(BrowsedShop shop)
{
    private const int MostBytes = 60_000;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> All => ["overview", "orders", "order", "order-under-way", "order-undone", "hand", "audit", "letters", "shop", "sign-in"];

    private string PathOf(string name) => name switch
    {
        "overview" => "/console",
        "shop" => "/shop",
        "order" => $"/console/orders/{shop.Complete}",
        "order-under-way" => $"/console/orders/{shop.Waiting}",
        "order-undone" => $"/console/orders/{shop.Stuck}",
        _ => $"/console/{name}",
    };

    [Theory, MemberData(nameof(All))]
    public async Task Should_be_whole_wide_dark_and_on_a_phone(string name)
    {
        var page = await shop.OpenAsync(PathOf(name));
        await Expect(page.Locator("h1")).ToHaveCountAsync(1);
        await Expect(page.Locator("main")).ToHaveCountAsync(1);
        Assert.Empty(await page.EvaluateAsync<string[]>("[...document.querySelectorAll('[style], [onclick], main script')].map(e => e.outerHTML)"));
        foreach (var (look, width, dark) in new[] { ("light", 1360, false), ("dark", 1360, true), ("390", 390, false) })
        {
            await page.SetViewportSizeAsync(width, 900);
            await page.EmulateMediaAsync(new() { ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light });
            // The outermost of what sticks out, without what scrolls in a box of its own.
            Assert.Empty(await page.EvaluateAsync<string[]>("document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, svg, pre')).map(e => e.outerHTML.slice(0, 120))"));
            await BrowsedShop.KeepAsync(page, $"{name}-{look}");
        }

        Assert.Empty(shop.Complaints);
        await page.Context.CloseAsync();
    }

    /// <summary>As sent, with style, script and icon.</summary>
    [Fact]
    public async Task Should_be_small()
    {
        var page = await shop.OpenAsync("/console");
        var sizes = await page.EvaluateAsync<Dictionary<string, int>>("""
            async paths => {
                const sent = async path => { await (await fetch(path, { cache: 'no-store' })).text(); return performance.getEntriesByName(new URL(path, location).href).at(-1).encodedBodySize; };
                let common = 0;
                for (const part of document.head.querySelectorAll('link, script')) common += await sent(part.href || part.src);
                const sizes = { common };
                for (const path of paths) sizes[path] = common + await sent(path);
                return sizes;
            }
            """, All.Select(row => PathOf(row.Data)).Append($"/shop/orders/{shop.Stuck}").ToArray());
        Assert.Equal(12, sizes.Count);
        Assert.All(sizes, s => Assert.InRange(s.Value, s.Key.StartsWith('/') ? sizes["common"] + 500 : 5_000, MostBytes));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_change_by_itself_without_jumping()
    {
        var page = await shop.OpenAsync("/console", height: 500);
        var complete = page.Locator(".tile", new() { HasText = "Complete" }).Locator(".value");
        var before = int.Parse(await complete.InnerTextAsync());
        await page.EvaluateAsync("window.scrollTo(0, 300); window.same = document.querySelector('#tiles')");
        var at = await page.EvaluateAsync<double>("window.scrollY");
        await shop.OrderAsync("c-live", wait: 30);
        await Expect(complete).Not.ToHaveTextAsync($"{before}", new() { Timeout = 20_000 });
        Assert.True(int.Parse(await complete.InnerTextAsync()) > before);
        Assert.Equal(at, await page.EvaluateAsync<double>("window.scrollY"));
        Assert.True(await page.EvaluateAsync<bool>("window.same === document.querySelector('#tiles')"));
        await Expect(page.Locator("#live")).ToHaveTextAsync(Live());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_keep_rows_where_they_are_until_newer_ones_are_asked_for()
    {
        var page = await shop.OpenAsync("/console/orders");
        var first = page.Locator("#rows tr").First;
        var was = await first.GetAttributeAsync("id");
        var id = await shop.OrderAsync("c-newer", wait: 30);
        var newer = page.Locator("#newer");
        await Expect(newer).ToContainTextAsync("Show them");
        Assert.Equal(was, await first.GetAttributeAsync("id"));
        await page.Keyboard.PressAsync("n");
        await Expect(page.Locator($"#o{id}")).ToBeVisibleAsync();
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_be_walked_through_by_keyboard_alone()
    {
        var page = await shop.OpenAsync("/console");
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.Locator(".skip")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("l");
        await page.WaitForURLAsync("**/console/orders");
        await page.Keyboard.PressAsync("/");
        await Expect(page.Locator("#search")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync(Short(shop.Complete));
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#rows tr")).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync($"**/console/orders/{shop.Complete}");
        await page.Keyboard.PressAsync("?");
        await Expect(page.Locator("#keys")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#keys")).ToBeHiddenAsync();
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_be_found_by_what_a_person_knows()
    {
        var page = await shop.OpenAsync("/console/orders");
        foreach (var (query, found) in new[]
        {
            ("q=" + Short(shop.Stuck), true), ("q=a%40example.org", true), ("q=sku-apple", true), ("q=nobody%40example.org", false), ("q=100%25", false),
            ("state=Failed", true), ("status=NeedsAttention", true), ("customer=c-stuck", true), ("reason=FAULT_PLAN", true), ("reason=NO_SUCH", false), ("q=a%40example.org&state=Failed&reason=FAULT_PLAN", true),
        })
        {
            await page.GotoAsync($"/console/orders?{query}");
            await Expect(page.Locator($"#o{shop.Stuck}")).ToHaveCountAsync(found ? 1 : 0);
        }

        await page.GotoAsync($"/console/orders?q={shop.Stuck}");
        Assert.EndsWith($"/console/orders/{shop.Stuck}", page.Url, StringComparison.Ordinal);
        await page.GotoAsync("/console/orders?state=Nowhere");
        await Expect(page.Locator(".note")).ToContainTextAsync("It is one of Pending");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_show_steps_and_their_undos_mirrored()
    {
        var page = await shop.OpenAsync($"/console/orders/{shop.Stuck}");
        var rows = await page.Locator(".times tbody th").AllInnerTextsAsync();
        string[] there = ["CreateOrder", "ReserveInventory", "FreezePrice", "ChargePayment", "CreateShipment", "SendConfirmation"], back = ["CancelShipment", "RefundPayment", "ReleasePrice", "ReleaseInventory", "CancelOrder", "SendApology"];
        Assert.Equal([.. there, .. back], rows.Select(r => r.Split(',')[0].Trim()));
        await Expect(page.Locator(".times tr", new() { HasText = "RefundPayment" }).Locator("rect.bar-bad")).ToHaveCountAsync(2);
        await Expect(page.Locator("#money")).ToContainTextAsync("Net, must become 0.00");
        await Expect(page.Locator("#said")).ToContainTextAsync("undo of ReserveInventory");
        await Expect(page.Locator("#log")).ToContainTextAsync($"saga:{shop.Stuck}:RefundPayment");
        await Expect(page.Locator(".saga.n6")).ToHaveAttributeAsync("aria-label", new Regex("turned back at CreateShipment \\(refused\\)"));
        var download = await page.RunAndWaitForDownloadAsync(() => page.Keyboard.PressAsync("e"));
        Assert.Equal($"order-{shop.Stuck}.json", download.SuggestedFilename);
        Assert.Contains("\"RefundPayment\"", await File.ReadAllTextAsync((await download.PathAsync())!, Ct), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_do_without_scripts()
    {
        var page = await shop.OpenAsync("/console", scripts: false);
        await Expect(page.Locator("#live")).ToContainTextAsync("Look again");
        await page.ClickAsync("nav a[href='/console/orders']");
        await page.FillAsync("#search", Short(shop.Waiting));
        await page.ClickAsync("button:has-text('Search')");
        await page.ClickAsync($"#o{shop.Waiting} a");
        await page.ClickAsync("text=True to scale");
        await Expect(page.Locator("#times")).ToContainTextAsync("True to scale");
        await page.Context.CloseAsync();
    }

    internal static string Short(Guid id) => id.ToString("N").ToUpperInvariant() is var text ? $"{text[24..28]}-{text[28..]}" : "";

    [GeneratedRegex(@"^Live, \d\d:\d\d:\d\d$")]
    private static partial Regex Live();
}
