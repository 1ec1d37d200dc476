using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Deliveries;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>Alerts on a real database, posted to a real listener.</summary>
public sealed class When_alerts_are_posted : IAsyncLifetime
{
    private const string Secret = "a secret of both sides";
    private readonly ManualTime time = new();
    private readonly ConcurrentQueue<(string Id, string Signature, string Body)> posts = [];
    private int answer = 204;
    private TestDatabase database = null!;
    private WebApplication receiver = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        receiver = builder.Build();
        receiver.Run(async http =>
        {
            using var body = new StreamReader(http.Request.Body);
            posts.Enqueue((http.Request.Headers["OrderSaga-Alert"].ToString(), http.Request.Headers["OrderSaga-Signature"].ToString(), await body.ReadToEndAsync()));
            http.Response.StatusCode = answer;
        });
        await receiver.StartAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await receiver.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_sign_an_incident_and_post_it_once_however_often_it_is_raised()
    {
        using var node = await StartAsync();
        var (id, saga) = (Guid.NewGuid(), Guid.NewGuid());
        for (var i = 0; i < 3; i++)
            await RaiseAsync(node, id, saga);
        await UntilAsync(node, DeliveryStatus.Sent, 1);

        var post = Assert.Single(posts);
        Assert.Equal((id.ToString(), "{\"Ü\":1}"), (post.Id, post.Body));
        var at = time.GetUtcNow().ToUnixTimeSeconds();
        var hmac = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes($"{at}.{post.Body}")));
        Assert.Equal($"t={at},v1={hmac}", post.Signature);
    }

    [Fact]
    public async Task Should_try_again_with_growing_pauses_and_say_what_is_undeliverable()
    {
        answer = 500;
        using var node = await StartAsync();
        await RaiseAsync(node, Guid.NewGuid(), Guid.NewGuid());
        var pauses = PatientDelivery<OpsDb, Alert>.Pauses;
        for (var tries = 1; tries <= pauses.Count; tries++)
        {
            await UntilTriedAsync(node, tries, pauses[tries - 1]);
            Assert.Equal(tries, posts.Count);
            answer++;
            time.Advance(pauses[tries - 1]);
        }

        await UntilAsync(node, DeliveryStatus.Undeliverable, 1);
        Assert.Equal(pauses.Count + 1, posts.Count);
        Assert.Single(posts.Select(p => p.Id).Distinct());
        Assert.Equal(posts.Count, posts.Select(p => p.Signature).Distinct().Count());
    }

    [Fact]
    public async Task Should_follow_nobody_who_leads_elsewhere_and_recover_when_the_receiver_does()
    {
        answer = 307;
        using var node = await StartAsync();
        await RaiseAsync(node, Guid.NewGuid(), Guid.NewGuid());
        await UntilTriedAsync(node, 1, TimeSpan.FromSeconds(10));
        answer = 200;
        time.Advance(TimeSpan.FromSeconds(10));
        await UntilAsync(node, DeliveryStatus.Sent, 1);
        Assert.Equal(2, posts.Count);
    }

    [Fact]
    public async Task Should_be_shared_by_two_nodes_and_posted_once_each()
    {
        using var one = await StartAsync();
        using var other = await StartAsync();
        var ids = Enumerable.Range(0, 40).Select(_ => Guid.NewGuid()).ToList();
        await Task.WhenAll(ids.Select((id, i) => RaiseAsync(i % 2 == 0 ? one : other, id, Guid.NewGuid())));
        await UntilAsync(one, DeliveryStatus.Sent, ids.Count);
        Assert.Equal(ids.Select(i => i.ToString()).Order(), posts.Select(p => p.Id).Order());
    }

    [Fact]
    public async Task Should_survive_its_process_and_only_be_kept_where_there_is_no_receiver()
    {
        using (var node = await StartAsync(webhook: false))
        {
            await RaiseAsync(node, Guid.NewGuid(), Guid.NewGuid());
            Assert.Null(await DueAsync(node));
        }

        answer = 503;
        using (var node = await StartAsync())
        {
            await RaiseAsync(node, Guid.NewGuid(), Guid.NewGuid());
            await UntilTriedAsync(node, 1, TimeSpan.FromSeconds(10));
        }

        answer = 204;
        time.Advance(TimeSpan.FromMinutes(1));
        using var next = await StartAsync();
        await UntilAsync(next, DeliveryStatus.Sent, 1);
        Assert.Equal(2, posts.Count);
    }

    [Fact]
    public async Task Should_be_listed_by_what_became_of_them_and_sent_again()
    {
        answer = 500;
        var (id, saga) = (Guid.NewGuid(), Guid.NewGuid());
        using (var node = await StartAsync(webhook: false))
        {
            await RaiseAsync(node, id, saga);
            Assert.Equal((id, saga, AlertState.Kept), await FirstAsync(node, AlertState.Kept));
            Assert.Null(await Desk(node).ResendAsync(Guid.NewGuid(), "ann", Ct));
            // Nobody is named who would take it: that is said, and it is not told as delivered.
            Assert.Equal(AlertState.Waiting, (await Desk(node).ResendAsync(id, "ann", Ct))!.State);
            await UntilAsync(node, DeliveryStatus.Undeliverable, 1);
            Assert.Contains("Alerts:Webhook", Assert.Single((await Desk(node).ListAsync(saga, AlertState.GivenUp, page: null, Ct))!.Items).Error, StringComparison.Ordinal);
        }

        using var next = await StartAsync();
        await Desk(next).ResendAsync(id, "ann", Ct);
        await UntilTriedAsync(next, 1, TimeSpan.FromSeconds(10));
        Assert.Equal((1, "The receiver of alerts answered 500."), (await Desk(next).ListAsync(null, AlertState.Waiting, page: null, Ct))!.Items.Select(a => (a.Tries, a.Error)).Single());
        Assert.Equal(new OpenAlerts(1, 0), await Desk(next).OpenAsync(Ct));
        answer = 204;
        await Desk(next).ResendAsync(id, "bob", Ct);
        await UntilAsync(next, DeliveryStatus.Sent, 1);
        Assert.Equal((id, saga, AlertState.Delivered), await FirstAsync(next, AlertState.Delivered));
        Assert.All(posts, p => Assert.Equal($"{id}", p.Id));
        await using var scope = next.Services.CreateAsyncScope();
        Assert.Equal(["ann", "ann", "bob"], await scope.ServiceProvider.GetRequiredService<OpsDb>().Actions.Where(a => a.AlertId == id && a.Action == "resend").OrderBy(a => a.Actor).Select(a => a.Actor).ToListAsync(Ct));
    }

    private static AlertDesk Desk(IHost node) => node.Services.GetRequiredService<AlertDesk>();

    private static async Task<(Guid, Guid?, string)> FirstAsync(IHost node, string state) =>
        Assert.Single((await Desk(node).ListAsync(null, state, page: null, Ct))!.Items) is var alert ? (alert.Id, alert.OrderId, alert.State) : default;

    private async Task<IHost> StartAsync(bool webhook = true)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        if (webhook)
            builder.Configuration.AddInMemoryCollection([new("Alerts:Webhook", $"{receiver.Urls.Single()}/hook"), new("Alerts:Secret", Secret)]);
        builder.Services.AddSingleton<TimeProvider>(time);
        builder.Services.AddDatabase<OpsDb>(Database.Postgres(database.ConnectionString));
        builder.Services.AddAlerts();
        builder.Services.AddSingleton<AlertDesk>();
        var host = builder.Build();
        await host.StartAsync(Ct);
        return host;
    }

    private static async Task RaiseAsync(IHost node, Guid id, Guid saga)
    {
        await using var scope = node.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<Alerting>().RaiseAsync(id, saga, "An undo is stuck.", "{\"Ü\":1}", Ct);
    }

    private static async Task<DateTimeOffset?> DueAsync(IHost node) => await ReadAsync(node, alerts => alerts.Select(a => a.Due).SingleAsync(Ct));

    private static async Task<T> ReadAsync<T>(IHost node, Func<IQueryable<Alert>, Task<T>> read)
    {
        await using var scope = node.Services.CreateAsyncScope();
        return await read(scope.ServiceProvider.GetRequiredService<OpsDb>().Alerts.AsNoTracking());
    }

    private static Task UntilAsync(IHost node, string status, int count) =>
        Eventually.HoldsAsync(() => ReadAsync(node, async alerts => await alerts.CountAsync(a => a.Status == status, Ct) == count), $"{count} {status}");

    // Until its answer is known: while a try is under way its row is due as well, a minute later.
    private Task UntilTriedAsync(IHost node, int tries, TimeSpan pause) => Eventually.HoldsAsync(
        () => ReadAsync(node, alerts => alerts.AnyAsync(a => a.Tries == tries && a.Error!.Contains($"{answer}") && a.Due == time.GetUtcNow() + pause, Ct)),
        $"try {tries}, answered {answer}, and again after {pause}");
}
