using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_mail_goes_by_smtp : IAsyncLifetime
{
    private static readonly Customer Ann = new("c-1", "ann@example.org");
    private static readonly TimeSpan[] Pauses =
        [TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1), TimeSpan.FromHours(3), .. Enumerable.Repeat(TimeSpan.FromHours(6), 20)];

    private readonly MailServer server = new();
    private readonly ManualTime time = new();
    private readonly Guid orderId = Guid.NewGuid();
    private TestDatabase database = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync();

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_deliver_each_kind_once_under_an_id_of_its_own()
    {
        await using var shop = await OpenAsync();
        for (var i = 0; i < 3; i++)
        {
            Assert.IsType<ConfirmationSent>((await shop.AskAsync(new SendConfirmation(orderId, Ann, 7.98m, "EUR"))).Message);
            Assert.IsType<ApologySent>((await shop.AskAsync(new SendApology(orderId, Ann, "OUT_OF_STOCK"))).Message);
        }

        await UntilAsync(shop, "apology sent smtp 1, confirmation sent smtp 1");

        Assert.Equal(2, server.Mails.Count);
        var confirmation = Assert.Single(server.Mails, m => m.Contains("on its way", StringComparison.Ordinal));
        Assert.Equal(["Shop <shop@example.org>", "ann@example.org"], [MailServer.Header(confirmation, "From").Replace("\"", ""), MailServer.Header(confirmation, "To")]);
        Assert.Contains("7.98 EUR were charged", confirmation);
        Assert.Equal(new[] { $"<{orderId:N}.apology@example.org>", $"<{orderId:N}.confirmation@example.org>" }, server.Mails.Select(m => MailServer.Header(m, "Message-ID")).Order(StringComparer.Ordinal));
        var sent = await shop.Http.GetFromJsonAsync<JsonElement>($"/notification/sent?orderId={orderId}", Ct);
        Assert.Equal(["smtp", "smtp"], sent.EnumerateArray().Select(s => s.GetProperty("channel").GetString()));
    }

    [Fact]
    public async Task Should_sign_in_if_it_is_told_to()
    {
        await using var shop = await OpenAsync(("Notification:Smtp:User", "shop"), ("Notification:Smtp:Password", "secret"));
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));
        await UntilAsync(shop, "confirmation sent smtp 1");

        Assert.Contains(Convert.ToBase64String(Encoding.UTF8.GetBytes("secret")), server.Heard);
    }

    /// <summary>What is not encrypted is not sent, if it has to be.</summary>
    [Fact]
    public async Task Should_say_nothing_to_a_server_without_tls_when_tls_is_asked_for()
    {
        await using var shop = await OpenAsync(("Notification:Smtp:Tls", "true"), ("Notification:Smtp:User", "shop"), ("Notification:Smtp:Password", "secret"));
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));
        await FailedAsync(shop, 1);

        Assert.DoesNotContain(server.Heard, line => line.StartsWith("AUTH", StringComparison.Ordinal) || line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Should_answer_at_once_though_the_server_does_not()
    {
        server.Says = _ => Task.Delay(Timeout.Infinite, Ct).ContinueWith(_ => (string?)null, TaskScheduler.Default);
        await using var shop = await OpenAsync();
        var asked = Stopwatch.StartNew();

        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => shop.AskAsync(new SendConfirmation(Guid.NewGuid(), Ann, 1, "EUR"))));

        Assert.True(asked.Elapsed < TimeSpan.FromSeconds(5), $"It took {asked.Elapsed}.");
    }

    [Theory]
    [InlineData("EHLO"), InlineData("RCPT"), InlineData("text")]
    public async Task Should_give_up_a_try_that_hangs(string at)
    {
        var hangs = new TaskCompletionSource();
        server.Says = verb =>
        {
            if (verb != at || hangs.Task.IsCompleted)
                return Task.FromResult<string?>(null);
            hangs.SetResult();
            return Task.Delay(Timeout.Infinite, Ct).ContinueWith(_ => (string?)null, TaskScheduler.Default);
        };
        await using var shop = await OpenAsync();
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));
        await hangs.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);

        time.Advance(TimeSpan.FromSeconds(45));
        await FailedAsync(shop, 1);
        time.Advance(Pauses[0]);
        await UntilAsync(shop, "confirmation sent smtp 2", moving: true);
    }

    [Theory]
    [InlineData("MAIL", "451 come back later")]
    [InlineData("RCPT", "450 busy")]
    [InlineData("text", "554 not like that")]
    public async Task Should_try_again_with_growing_pauses_and_give_up_at_last(string at, string says)
    {
        var tries = new List<DateTimeOffset>();
        server.Says = verb =>
        {
            if (verb == "MAIL")
                tries.Add(time.GetUtcNow());
            return Task.FromResult(verb == at ? says : null);
        };
        await using var shop = await OpenAsync();
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));

        for (var i = 0; i < Pauses.Length; i++)
        {
            await FailedAsync(shop, i + 1);
            time.Advance(Pauses[i] - TimeSpan.FromSeconds(1));
            await Task.Delay(50, Ct);
            Assert.Equal(i + 1, tries.Count);
            time.Advance(TimeSpan.FromSeconds(1));
            // It may just be looking when that was; then it looks again after a moment, by the same clock.
            for (var moments = 0; tries.Count == i + 1; moments++)
            {
                Assert.True(moments < 400, "It is not tried again.");
                time.Advance(TimeSpan.FromMilliseconds(60));
                await Task.Delay(20, Ct);
            }
        }

        await UntilAsync(shop, $"confirmation undeliverable  {Pauses.Length + 1}");
        time.Advance(TimeSpan.FromDays(7));
        Assert.Equal(Pauses.Length + 1, tries.Count);
        foreach (var (pause, i) in Pauses.Select((p, i) => (p, i)))
            Assert.InRange(tries[i + 1] - tries[i], pause, pause + TimeSpan.FromSeconds(30));
        Assert.Equal("[]", await shop.Http.GetStringAsync($"/notification/sent?orderId={orderId}", Ct));
    }

    [Fact]
    public async Task Should_deliver_it_when_the_server_is_back()
    {
        var down = true;
        server.Says = verb => Task.FromResult(down && verb == "EHLO" ? "421 closing" : null);
        await using var shop = await OpenAsync();
        await shop.AskAsync(new SendApology(orderId, Ann, "OUT_OF_STOCK"));
        await FailedAsync(shop, 1);

        down = false;
        time.Advance(Pauses[0]);
        await UntilAsync(shop, "apology sent smtp 2", moving: true);
        Assert.Single(server.Mails);
    }

    [Fact]
    public async Task Should_not_try_again_where_the_recipient_is_refused()
    {
        server.Says = verb => Task.FromResult(verb == "RCPT" ? "550 nobody here" : null);
        await using var shop = await OpenAsync();
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));
        await UntilAsync(shop, "confirmation undeliverable  1");

        Assert.Single(server.Heard, line => line.StartsWith("RCPT", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ann@example.org,bob@example.org")]
    [InlineData("ann@@example.org")]
    public async Task Should_give_up_on_what_only_looked_like_an_address(string email)
    {
        await using var shop = await OpenAsync();
        await shop.AskAsync(new SendApology(orderId, Ann with { Email = email }, "OUT_OF_STOCK"));
        await UntilAsync(shop, "apology undeliverable  1");

        Assert.Empty(server.Mails);
    }

    [Fact]
    public async Task Should_deliver_each_notice_once_from_two_processes()
    {
        await using var one = await OpenAsync();
        await using var other = await OpenAsync();
        var orders = Enumerable.Range(0, 40).Select(_ => Guid.NewGuid()).ToList();

        await Task.WhenAll(orders.Select((id, i) => (i % 2 == 0 ? one : other).AskAsync(new SendConfirmation(id, Ann, 1, "EUR"))));
        for (var i = 0; await one.ReadAsync("SELECT count(*) FROM notification.notifications WHERE status = 'sent' AND tries = 1") != "40"; i++)
        {
            Assert.True(i < 400, await one.ReadAsync("SELECT status, tries, due FROM notification.notifications"));
            await Task.Delay(50, Ct);
        }

        Assert.Equal(40, server.Mails.Count);
        Assert.Equal(40, server.Mails.Select(m => MailServer.Header(m, "Message-ID")).Distinct().Count());
    }

    [Fact]
    public async Task Should_be_sent_again_under_its_id_when_a_process_dies_before_it_hears_that_it_was_taken()
    {
        var taken = new TaskCompletionSource();
        server.Says = verb =>
        {
            if (verb != "text" || taken.Task.IsCompleted)
                return Task.FromResult<string?>(null);
            taken.SetResult();
            return Task.Delay(Timeout.Infinite, Ct).ContinueWith(_ => (string?)null, TaskScheduler.Default);
        };
        var one = await OpenAsync();
        await one.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));
        await taken.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        await one.StopAsync();

        await using var other = await OpenAsync();
        Assert.Equal("confirmation accepted  1", await NoticesAsync(other));
        // It was claimed for a minute.
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Single(server.Mails);
        time.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(other, "confirmation sent smtp 2", moving: true);

        Assert.Equal(2, server.Mails.Count);
        Assert.Single(server.Mails.Select(m => MailServer.Header(m, "Message-ID")).Distinct());
    }

    [Fact]
    public async Task Should_keep_in_the_sink_what_is_left_when_there_is_no_server_any_more()
    {
        server.Says = verb => Task.FromResult<string?>("421 closing");
        var shop = await OpenAsync();
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1, "EUR"));
        await FailedAsync(shop, 1);
        await shop.StopAsync();
        time.Advance(Pauses[0]);

        await using var later = await Shop.OpenAsync(new() { Database = database, Time = time });
        await UntilAsync(later, "confirmation sent sink 2");
    }

    private Task<Shop> OpenAsync(params (string Key, string Value)[] more) =>
        Shop.OpenAsync(new([.. server.Settings.Where(s => more.All(m => m.Key != s.Key)), .. more]) { Database = database, Time = time });

    private Task<string> NoticesAsync(Shop shop) => shop.ReadAsync("SELECT string_agg(concat_ws(' ', kind, status, coalesce(channel, ''), tries), ', ' ORDER BY kind) FROM notification.notifications WHERE order_id = @id", orderId);

    private async Task UntilAsync(Shop shop, string expected, bool moving = false)
    {
        for (var i = 0; await NoticesAsync(shop) is var notices && notices != expected; i++)
        {
            Assert.True(i < 400, $"{notices}\n{string.Join('\n', server.Heard)}");
            if (moving)
                time.Advance(TimeSpan.FromMilliseconds(60));
            await Task.Delay(50, Ct);
        }
    }

    private static async Task FailedAsync(Shop shop, int tries)
    {
        for (var i = 0; shop.Warnings.Count(w => w.Contains("could not be delivered", StringComparison.Ordinal)) < tries; i++)
        {
            Assert.True(i < 400, string.Join('\n', shop.Warnings));
            await Task.Delay(50, Ct);
        }
    }
}
