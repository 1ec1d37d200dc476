using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services.Tests;

public sealed class When_the_gateway_is_called : IAsyncLifetime
{
    private readonly ManualTime time = new();
    private readonly Guid orderId = Guid.NewGuid();
    private readonly string key = $"key-{Guid.NewGuid()}";
    private TestDatabase database = null!;
    private TestGateway gateway = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        gateway = await TestGateway.StartAsync(Database.Postgres(database.ConnectionString), time);
    }

    public async ValueTask DisposeAsync()
    {
        await gateway.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_charge_once_under_a_key_and_answer_the_same_bytes_again()
    {
        var (status, first, _) = await ChargeAsync(Ask());
        var (again, second, replayed) = await ChargeAsync(Ask());

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (status, again));
        Assert.Equal(first, second);
        Assert.True(replayed);
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
        Assert.StartsWith("ch_", ChargeIdOf(first), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tok_visa")]
    [InlineData("tok_declined")]
    public async Task Should_answer_again_what_was_answered_first_whatever_was_given_back_since(string token)
    {
        time.Advance(TimeSpan.FromTicks(1_234_567));
        var (status, first, _) = await ChargeAsync(Ask(8m, token: token));
        if (status == HttpStatusCode.Created)
            Assert.Equal(HttpStatusCode.Created, (await RefundAsync(ChargeIdOf(first), "r", 3m)).Status);
        Assert.Equal((status, first, true), await ChargeAsync(Ask(8m, token: token)));
    }

    [Fact]
    public async Task Should_answer_what_an_earlier_version_answered()
    {
        var (_, first, _) = await ChargeAsync(Ask());
        var before = first.Replace("EUR", "Euro", StringComparison.Ordinal);
        await using (var command = database.Source.CreateCommand($"""
            INSERT INTO gateway.keys (key, fingerprint, status, answer, at) SELECT key, replace(fingerprint::text, '-', ''), 201, '{before}', at FROM gateway.charges;
            UPDATE gateway.charges SET fingerprint = NULL
            """))
            await command.ExecuteNonQueryAsync(Ct);
        Assert.Equal((HttpStatusCode.Created, before, true), await ChargeAsync(Ask()));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await ChargeAsync(Ask(8m))).Status);
    }

    [Fact]
    public async Task Should_take_8_and_8_00_for_the_same()
    {
        var first = await ChargeAsync(Ask(8m));
        Assert.Equal(first.Body, (await ChargeAsync(Ask(8.00m))).Body);
        Assert.Equal("8.00 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Theory]
    [InlineData("8.98", "EUR", "tok_visa")]
    [InlineData("7.98", "USD", "tok_visa")]
    [InlineData("7.98", "EUR", "tok_declined")]
    public async Task Should_refuse_other_content_under_a_key_that_was_used(string amount, string currency, string token)
    {
        await ChargeAsync(Ask());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await ChargeAsync(Ask(decimal.Parse(amount), currency, token))).Status);
        using var otherOrder = await gateway.ChargeAsync(key, new { orderId = Guid.NewGuid(), amount = 7.98m, currency = "EUR", token = "tok_visa" }, Ct);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, otherOrder.StatusCode);
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_charge_once_what_comes_twenty_times_at_once_at_two_of_its_kind()
    {
        await using var twin = await TestGateway.StartAsync(Database.Postgres(database.ConnectionString), time);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => ChargeAsync(Ask(), at: i % 2 == 0 ? gateway : twin)));

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.Created, a.Status));
        Assert.Single(answers.Select(a => a.Body).Distinct());
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Theory]
    [InlineData(null, "7.98", "EUR", "tok_visa")]
    [InlineData("white space", "7.98", "EUR", "tok_visa")]
    [InlineData("key", "-0.01", "EUR", "tok_visa")]
    [InlineData("key", "7.985", "EUR", "tok_visa")]
    [InlineData("key", null, "EUR", "tok_visa")]
    [InlineData("key", "7.98", "euro", "tok_visa")]
    [InlineData("key", "7.98", null, "tok_visa")]
    [InlineData("key", "7.98", "EUR", null)]
    public async Task Should_do_nothing_that_is_not_valid(string? with, string? amount, string? currency, string? token)
    {
        using var response = await gateway.ChargeAsync(with, new { orderId, amount = amount is null ? (decimal?)null : decimal.Parse(amount), currency, token }, Ct);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("0", await CountAsync("charges"));
        Assert.Equal("0", await CountAsync("keys"));
    }

    [Fact]
    public async Task Should_list_all_charges_from_one_on()
    {
        foreach (var key in new[] { "k-1", "k-2", "k-3" })
            (await gateway.ChargeAsync(key, new { orderId, amount = 7.98m, currency = "EUR", token = "tok_visa" }, Ct)).Dispose();
        var all = await IdsAsync("");
        Assert.Equal(3, all.Count);
        Assert.Equal(all[1..], await IdsAsync($"?after={all[0]}"));
        Assert.Empty(await IdsAsync($"?after={all[^1]}"));

        async Task<List<string>> IdsAsync(string query) => [.. (await gateway.Http.GetFromJsonAsync<JsonElement[]>($"gateway/charges{query}", Ct))!
            .Where(c => c.GetProperty("orderId").GetGuid() == orderId).Select(c => c.GetProperty("chargeId").GetString()!)];
    }

    [Fact]
    public async Task Should_say_what_to_ask_by()
    {
        foreach (var query in new[] { "?orderId=seven", $"?orderId={orderId}&key=k", "?key=k&after=ch_1", "?key=" })
            using (var response = await gateway.Http.GetAsync(new Uri($"gateway/charges{query}", UriKind.Relative), Ct))
                Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Theory]
    [InlineData("tok_declined", "card_declined")]
    [InlineData("tok_mastercard", "unknown_token")]
    [InlineData("", "unknown_token")]
    public async Task Should_decline_and_remember_it_under_the_key(string token, string code)
    {
        var (status, first, _) = await ChargeAsync(Ask(token: token));
        var (again, second, replayed) = await ChargeAsync(Ask(token: token));

        Assert.Equal((HttpStatusCode.PaymentRequired, HttpStatusCode.PaymentRequired), (status, again));
        Assert.Equal(first, second);
        Assert.True(replayed);
        var outcome = Assert.Single(await gateway.ReadAsync($"key={key}"));
        Assert.Equal(("declined", code), (outcome.GetProperty("status").GetString(), outcome.GetProperty("declineCode").GetString()));
        Assert.Empty(await gateway.ReadAsync($"orderId={orderId}"));
    }

    [Fact]
    public async Task Should_answer_an_error_twice_for_a_key_and_then_work()
    {
        Assert.Equal(HttpStatusCode.InternalServerError, (await ChargeAsync(Ask(token: "tok_error"))).Status);
        Assert.Empty(await gateway.ReadAsync($"key={key}"));
        Assert.Equal(HttpStatusCode.InternalServerError, (await ChargeAsync(Ask(token: "tok_error"))).Status);
        Assert.Equal(HttpStatusCode.Created, (await ChargeAsync(Ask(token: "tok_error"))).Status);
        Assert.Equal(HttpStatusCode.Created, (await ChargeAsync(Ask(token: "tok_error"))).Status);
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_count_its_errors_when_they_come_at_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ChargeAsync(Ask(token: "tok_error"))));
        Assert.Equal(2, answers.Count(a => a.Status == HttpStatusCode.InternalServerError));
        Assert.Single(answers.Where(a => a.Status == HttpStatusCode.Created).Select(a => a.Body).Distinct());
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_charge_slowly_though_the_caller_hung_up()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var calling = gateway.ChargeAsync(key, Ask(token: "tok_slow"), patience.Token);
        await UntilSlowAsync(calls: 1);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling);

        time.Advance(TimeSpan.FromSeconds(69));
        Assert.Empty(await gateway.ReadAsync($"key={key}"));
        time.Advance(TimeSpan.FromSeconds(1));
        while ((await gateway.ReadAsync($"key={key}")).Length == 0)
            await Task.Delay(10, Ct);
        Assert.Equal(HttpStatusCode.Created, (await ChargeAsync(Ask(token: "tok_slow"))).Status);
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_charge_once_though_a_second_call_comes_while_the_first_is_slow()
    {
        var (first, second) = (ChargeAsync(Ask(token: "tok_slow")), ChargeAsync(Ask(token: "tok_slow")));
        await UntilSlowAsync(calls: 2);
        time.Advance(TimeSpan.FromSeconds(70));
        Assert.Equal((await first).Body, (await second).Body);
        Assert.Equal("7.98 EUR charged 0.00", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_finish_what_it_has_taken_on_when_it_stops()
    {
        var calling = ChargeAsync(Ask(token: "tok_slow"));
        await UntilSlowAsync(calls: 1);
        await gateway.StopAsync();
        Assert.Equal(HttpStatusCode.Created, (await calling).Status);
        Assert.Equal("1", await CountAsync("charges"));
    }

    [Fact]
    public async Task Should_give_back_in_parts_and_never_more_than_was_taken()
    {
        var charge = ChargeIdOf((await ChargeAsync(Ask())).Body);
        Assert.Equal(HttpStatusCode.Created, (await RefundAsync(charge, "r-1", 5m)).Status);
        Assert.Equal("7.98 EUR partly refunded 5.00", await gateway.LedgerAsync(orderId));
        Assert.Equal(HttpStatusCode.Conflict, (await RefundAsync(charge, "r-2", 2.99m)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await RefundAsync(charge, "r-3", 1m, "USD")).Status);
        Assert.Equal(HttpStatusCode.Created, (await RefundAsync(charge, "r-4", 2.98m)).Status);
        Assert.Equal("7.98 EUR refunded 7.98", await gateway.LedgerAsync(orderId));
        Assert.Equal("2", await CountAsync("refunds"));
    }

    [Fact]
    public async Task Should_give_back_once_under_a_key_however_often_it_comes()
    {
        var charge = ChargeIdOf((await ChargeAsync(Ask())).Body);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RefundAsync(charge, "r", 7.98m)));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.Created, a.Status));
        Assert.Single(answers.Select(a => a.Body).Distinct());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await RefundAsync(charge, "r", 1m)).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await RefundAsync(charge, key, 7.98m)).Status);
        using var chargedByIt = await gateway.ChargeAsync("r", Ask(), Ct);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, chargedByIt.StatusCode);
        Assert.Equal("7.98 EUR refunded 7.98", await gateway.LedgerAsync(orderId));
    }

    [Fact]
    public async Task Should_not_give_back_more_when_refunds_come_at_once()
    {
        var charge = ChargeIdOf((await ChargeAsync(Ask(5m))).Body);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => RefundAsync(charge, $"r-{i}", 1m)));
        Assert.Equal(5, answers.Count(a => a.Status == HttpStatusCode.Created));
        Assert.Equal(5, answers.Count(a => a.Status == HttpStatusCode.Conflict));
        Assert.Equal("5.00 EUR refunded 5.00", await gateway.LedgerAsync(orderId));
        Assert.Equal("5", await CountAsync("refunds"));
    }

    [Fact]
    public async Task Should_give_nothing_back_where_nothing_was_taken()
    {
        var declined = ChargeIdOf((await ChargeAsync(Ask(token: "tok_declined"))).Body);
        Assert.Equal(HttpStatusCode.NotFound, (await RefundAsync(declined, "r-1", 1m)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await RefundAsync("ch_none", "r-2", 1m)).Status);
        using var withoutKey = await gateway.RefundAsync("ch_none", null, new { amount = 1m, currency = "EUR" });
        Assert.Equal(HttpStatusCode.BadRequest, withoutKey.StatusCode);
        Assert.Equal("0", await CountAsync("refunds"));
    }

    [Fact]
    public async Task Should_say_that_its_books_are_away_and_go_on_when_they_are_back()
    {
        await database.IsAwayAsync(true);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await ChargeAsync(Ask())).Status);
        await database.IsAwayAsync(false);
        Assert.Equal(HttpStatusCode.Created, (await ChargeAsync(Ask())).Status);
    }

    [Fact]
    public async Task Should_keep_the_token_nowhere()
    {
        foreach (var token in new[] { "tok_visa", "tok_declined", "tok_error" })
            using (await gateway.ChargeAsync($"key-{token[4..]}", Ask(token: token), Ct))
                continue;
        using (var charged = await gateway.ChargeAsync("key-visa", Ask(), Ct))
            await RefundAsync(ChargeIdOf(await charged.Content.ReadAsStringAsync(Ct)), "r", 1m);
        foreach (var table in new[] { "charges", "keys", "refunds", "failures" })
        {
            await using var command = database.Source.CreateCommand($"SELECT string_agg(t::text, ' ') FROM gateway.{table} t");
            Assert.DoesNotContain("tok_", (string)(await command.ExecuteScalarAsync(Ct))!, StringComparison.Ordinal);
        }
    }

    private static string ChargeIdOf(string body) => JsonSerializer.Deserialize<JsonElement>(body).GetProperty("chargeId").GetString()!;

    private object Ask(decimal amount = 7.98m, string currency = "EUR", string token = "tok_visa") => new { orderId, amount, currency, token };

    private async Task<(HttpStatusCode Status, string Body, bool Replayed)> ChargeAsync(object ask, TestGateway? at = null)
    {
        using var response = await (at ?? gateway).ChargeAsync(key, ask, Ct);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Ct), response.Headers.Contains("Idempotency-Replayed"));
    }

    private async Task<(HttpStatusCode Status, string Body)> RefundAsync(string chargeId, string with, decimal amount, string currency = "EUR")
    {
        using var response = await gateway.RefundAsync(chargeId, with, new { amount, currency });
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Ct));
    }

    private async Task UntilSlowAsync(int calls)
    {
        while (time.Timers < calls)
            await Task.Delay(10, Ct);
    }

    private async Task<string> CountAsync(string table)
    {
        await using var command = database.Source.CreateCommand($"SELECT count(*)::text FROM gateway.{table}");
        return (string)(await command.ExecuteScalarAsync(Ct))!;
    }
}
