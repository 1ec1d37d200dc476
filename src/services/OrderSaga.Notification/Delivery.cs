using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging;

namespace OrderSaga.Services;

/// <summary>
/// Delivers what was taken over, on every node: each notice is claimed by one of them for as long as a try may take. What fails is tried
/// again with growing pauses, over half a day, and is undeliverable after that.
/// </summary>
/// <remarks>A node that dies between the mail server's word and its own leaves a notice that is sent twice; SMTP knows no better.</remarks>
internal sealed class Delivery(
    IServiceScopeFactory scopes, IHostApplicationLifetime host, IOptions<NotificationOptions> options, TimeProvider time, Doorbell<NotificationDb> bell, ILogger<Delivery> log)
    : BackgroundService
{
    private const int BatchSize = 50, AtOnce = 8;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    // A try ends before somebody else may begin one.
    private static readonly TimeSpan Try = TimeSpan.FromSeconds(45), Claim = TimeSpan.FromMinutes(1);

    private readonly SmtpMail? mail = options.Value.Smtp is { } smtp ? new(smtp) : null;

    /// <summary>The pauses after each try but the last.</summary>
    internal static IReadOnlyList<TimeSpan> Pauses { get; } = [.. new[] { 10, 60, 5 * 60, 15 * 60, 3600, 3 * 3600, 6 * 3600 }.Select(s => TimeSpan.FromSeconds(s))];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await time.WhenDueAsync(LongestPause, bell, () => DeliverAsync(stoppingToken), log, "Delivering notices", stoppingToken).ConfigureAwait(false);
    }

    private async Task<DateTimeOffset?> DeliverAsync(CancellationToken ct)
    {
        while (true)
        {
            await using var scope = scopes.CreateAsyncScope();
            var open = scope.ServiceProvider.GetRequiredService<NotificationDb>().Notifications.AsNoTracking().Where(n => n.Due != null);
            var now = time.GetUtcNow();
            var due = await open.Where(n => n.Due <= now).OrderBy(n => n.Due).Take(BatchSize).ToListAsync(ct).ConfigureAwait(false);
            if (due.Count == 0)
                return await open.MinAsync(n => n.Due, ct).ConfigureAwait(false);
            await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, DeliverAsync).ConfigureAwait(false);
        }
    }

    private async ValueTask DeliverAsync(Notice notice, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<NotificationDb>();
        var end = time.GetUtcNow() + Claim;
        if (await db.OpenOf(notice).Where(n => n.Tries == notice.Tries)
            .ExecuteUpdateAsync(set => set.SetProperty(n => n.Tries, n => n.Tries + 1).SetProperty(n => n.Due, end), ct).ConfigureAwait(false) == 0)
            return; // another node has it
        try
        {
            await SendAsync(notice, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            await FailedAsync(db, notice, e, ct).ConfigureAwait(false);
            return;
        }

        // Also if its claim ran out meanwhile: sent is sent. Nothing stops this, or it would be sent again.
        var (channel, at) = (mail is null ? NoticeChannel.Sink : NoticeChannel.Smtp, time.GetUtcNow());
        await db.OpenOf(notice).ExecuteUpdateAsync(set => set.SetProperty(n => n.Status, NoticeStatus.Sent).SetProperty(n => n.Channel, channel)
            .SetProperty(n => n.SentAt, at).SetProperty(n => n.Due, (DateTimeOffset?)null), CancellationToken.None).ConfigureAwait(false);
    }

    private async Task SendAsync(Notice notice, CancellationToken ct)
    {
        if (mail is null)
            return; // it was taken over when there still was a mail server; now the sink keeps it, which is its row
        using var enough = new CancellationTokenSource(Try, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, ct);
        await mail.SendAsync(notice, either.Token).ConfigureAwait(false);
    }

    private async Task FailedAsync(NotificationDb db, Notice notice, Exception why, CancellationToken ct)
    {
        var open = db.OpenOf(notice).Where(n => n.Tries == notice.Tries + 1);
        if (!SmtpMail.IsFinal(why) && notice.Tries < Pauses.Count)
        {
            var again = time.GetUtcNow() + Pauses[notice.Tries];
            await open.ExecuteUpdateAsync(set => set.SetProperty(n => n.Due, again), ct).ConfigureAwait(false);
            log.LogWarning(why, "Order {OrderId}: the {Kind} could not be delivered, it is tried again at {Again}", notice.OrderId, notice.Kind, again);
            return;
        }

        await open.ExecuteUpdateAsync(set => set.SetProperty(n => n.Status, NoticeStatus.Undeliverable).SetProperty(n => n.Due, (DateTimeOffset?)null), ct).ConfigureAwait(false);
        log.LogError(why, "Order {OrderId}: the {Kind} is undeliverable, after {Tries} tries", notice.OrderId, notice.Kind, notice.Tries + 1);
    }
}
