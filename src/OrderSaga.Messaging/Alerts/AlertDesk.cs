using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Deliveries;

namespace OrderSaga.Messaging.Alerts;

/// <summary>Where people see which alerts there were and whether they arrived, and have them sent again.</summary>
public sealed class AlertDesk(IServiceScopeFactory scopes, TimeProvider time)
{
    private const int PageSize = 50;

    /// <summary>A page of the alerts, the last first; none if <paramref name="page"/> is no word that a page gave.</summary>
    public async Task<Page<AlertLine>?> ListAsync(Guid? orderId, string? state, string? page, CancellationToken ct)
    {
        if ((page is null ? new PageMark('a', DateTimeOffset.MaxValue, Guid.Empty) : PageMark.Read(page)) is not { Part: 'a' } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var alerts = In(state, scope.ServiceProvider.GetRequiredService<OpsDb>().Alerts.AsNoTracking()).Where(a => orderId == null || a.SagaId == orderId);
        var found = await alerts.Where(a => a.At <= mark.At && (a.At < mark.At || a.Id.CompareTo(mark.Id) < 0))
            .OrderByDescending(a => a.At).ThenByDescending(a => a.Id).Take(PageSize + 1).ToListAsync(ct).ConfigureAwait(false);
        return new([.. found.Take(PageSize).Select(Line)], found.Count <= PageSize ? null : $"{new PageMark('a', found[PageSize - 1].At, found[PageSize - 1].Id)}");
    }

    /// <summary>How many of each state there are, of those that did not arrive.</summary>
    public async Task<OpenAlerts> OpenAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var found = await scope.ServiceProvider.GetRequiredService<OpsDb>().Alerts.Where(a => a.Due != null || a.Status == DeliveryStatus.Undeliverable).GroupBy(a => 1)
            .Select(g => new { Waiting = g.Sum(a => a.Due != null ? 1 : 0), GivenUp = g.Sum(a => a.Status == DeliveryStatus.Undeliverable ? 1 : 0) }).SingleOrDefaultAsync(ct).ConfigureAwait(false);
        return new(found?.Waiting ?? 0, found?.GivenUp ?? 0);
    }

    /// <summary>Has it delivered now, with all its tries, whatever became of it before; none if there is no such alert. Its id is the same to the receiver.</summary>
    public async Task<AlertLine?> ResendAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var (db, now) = (scope.ServiceProvider.GetRequiredService<OpsDb>(), time.GetUtcNow());
        await using var transaction = await db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        if (await db.Alerts.Where(a => a.Id == id).ExecuteUpdateAsync(
            set => set.SetProperty(a => a.Status, DeliveryStatus.Accepted).SetProperty(a => a.Tries, 0).SetProperty(a => a.Due, now), ct).ConfigureAwait(false) == 0
            || await db.Alerts.AsNoTracking().SingleOrDefaultAsync(a => a.Id == id, ct).ConfigureAwait(false) is not { } alert)
            return null;
        db.Add(new OpsAction { Id = Guid.CreateVersion7(now), At = now, Actor = actor, Action = "resend", AlertId = id, SagaId = alert.SagaId, Outcome = AlertState.Waiting });
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        // Who delivers may be in this process, and need not wait until he looks.
        scope.ServiceProvider.GetService<Doorbell<OpsDb>>()?.Ring();
        return Line(alert);
    }

    private static IQueryable<Alert> In(string? state, IQueryable<Alert> alerts) => state switch
    {
        AlertState.Waiting => alerts.Where(a => a.Due != null),
        AlertState.Delivered => alerts.Where(a => a.Status == DeliveryStatus.Sent),
        AlertState.GivenUp => alerts.Where(a => a.Status == DeliveryStatus.Undeliverable),
        AlertState.Kept => alerts.Where(a => a.Status == DeliveryStatus.Accepted && a.Due == null),
        _ => alerts,
    };

    private static AlertLine Line(Alert a) => new(
        a.Id, a.SagaId, a.Text, a.At, a.Status == DeliveryStatus.Sent ? AlertState.Delivered : a.Status == DeliveryStatus.Undeliverable ? AlertState.GivenUp : a.Due is null ? AlertState.Kept : AlertState.Waiting,
        a.Tries, a.Due, a.SentAt, a.Error);
}

/// <summary>Whether an alert arrived.</summary>
public static class AlertState
{
    public const string Waiting = "waiting";
    public const string Delivered = "delivered";

    /// <summary>Nobody took it, half a day long.</summary>
    public const string GivenUp = "givenUp";

    /// <summary>There was nobody to deliver it to.</summary>
    public const string Kept = "kept";

    public static IReadOnlyList<string> All { get; } = [Waiting, Delivered, GivenUp, Kept];
}

/// <summary>An alert in a list.</summary>
/// <param name="Id">The alert, as its receiver knows it.</param>
/// <param name="OrderId">The order that it is about.</param>
/// <param name="Alert">What happened.</param>
/// <param name="At">When.</param>
/// <param name="State"><see cref="AlertState"/>.</param>
/// <param name="Tries">How often its delivery was begun.</param>
/// <param name="Due">When it is tried again.</param>
/// <param name="DeliveredAt">When its receiver had it.</param>
/// <param name="Error">Why he did not the last time.</param>
public sealed record AlertLine(Guid Id, Guid? OrderId, string Alert, DateTimeOffset At, string State, int Tries, DateTimeOffset? Due, DateTimeOffset? DeliveredAt, string? Error);

/// <summary>Alerts that have not arrived.</summary>
public sealed record OpenAlerts(int Waiting, int GivenUp);
