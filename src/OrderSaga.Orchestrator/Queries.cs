using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Orchestrator;

/// <summary>Reading orders.</summary>
public sealed partial class Queries
{
    // Another process may have moved the order; then no change is heard here, and the row is looked at again after this.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    // Whoever waits for an answer does so by the clock on the wall, however the shop's is moved.
    private static readonly TimeProvider Wall = TimeProvider.System;

    // Who follows an order for long looks less and less often while nothing happens.
    private static readonly TimeSpan LookAgainAtLast = TimeSpan.FromSeconds(2);

    private readonly IServiceScopeFactory scopes;
    private readonly OrderStateMachine machine;
    private readonly OrderChanges changes;
    private readonly TimeProvider time;
    private readonly CancellationToken stopping;

    internal Queries(IServiceScopeFactory scopes, OrderStateMachine machine, OrderChanges changes, TimeProvider time, CancellationToken stopping) =>
        (this.scopes, this.machine, this.changes, this.time, this.stopping) = (scopes, machine, changes, time, stopping);

    /// <summary>The order as it stands now.</summary>
    public async Task<OrderView?> FindAsync(Guid orderId, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<OrchestratorDb>();
        var order = await db.FindAsync(orderId, ct).ConfigureAwait(false);
        if (order is null)
            return null;
        return OrderView.Of(machine, order, await LogAsync(db, order, ct).ConfigureAwait(false));
    }

    /// <summary>
    /// The order at each of its versions after the one given: first what has been, as the log tells it, then what comes, until it is at rest.
    /// While the database is away it waits; when the process is about to stop it ends.
    /// </summary>
    public async IAsyncEnumerable<OrderView> FollowAsync(Guid orderId, int after, [EnumeratorCancellation] CancellationToken ct)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct, stopping);
        try
        {
            for (var pause = LookAgain; ;)
            {
                // Asked for before reading, or a change between the two would be missed.
                var change = changes.Next(orderId);
                var (order, log) = await ChangedAsync(orderId, after, ct).ConfigureAwait(false);
                foreach (var view in order is null ? [] : Since(after, order, log))
                {
                    (after, pause) = (view.Version, LookAgain);
                    yield return view;
                }

                if (order?.EndedAt is not null || stopping.IsCancellationRequested)
                    yield break;
                await Task.WhenAny(change, Task.Delay(pause, Wall, enough.Token)).ConfigureAwait(false);
                ct.ThrowIfCancellationRequested();
                pause = change.IsCompleted ? LookAgain : pause * 2 < LookAgainAtLast ? pause * 2 : LookAgainAtLast;
            }
        }
        finally
        {
            changes.Forget(orderId);
        }
    }

    /// <summary>The order once it is at rest, or as it stands when the time is up or the process is about to stop.</summary>
    public async Task<OrderView?> WaitAsync(Guid orderId, TimeSpan patience, CancellationToken ct)
    {
        var until = Wall.GetUtcNow() + patience;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct, stopping);
        try
        {
            while (true)
            {
                // Asked for before reading, or a change between the two would be missed.
                var change = patience > TimeSpan.Zero ? changes.Next(orderId) : Task.CompletedTask;
                var order = await FindAsync(orderId, ct).ConfigureAwait(false);
                var left = until - Wall.GetUtcNow();
                if (order is null || order.AtRest() || left <= TimeSpan.Zero || stopping.IsCancellationRequested)
                    return order;
                await Task.WhenAny(change, Task.Delay(left < LookAgain ? left : LookAgain, Wall, enough.Token)).ConfigureAwait(false);
                ct.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            changes.Forget(orderId);
        }
    }

    /// <summary>The steps that orders under way need and this version does not know.</summary>
    public async Task<IReadOnlyList<string>> UnknownStepsAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var routes = await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders
            .Where(o => o.NotDueBefore != null && o.Asked != null).Select(o => o.Route).Distinct().ToListAsync(ct).ConfigureAwait(false);
        return [.. routes.SelectMany(r => r.Split(' ')).Distinct().Where(step => !machine.Knows(step))];
    }

    private static Task<List<SagaLogEntry>> LogAsync(OrchestratorDb db, OrderState order, CancellationToken ct) =>
        // What was logged since the row was read is not of this version.
        db.Log.AsNoTracking().Where(e => e.OrderId == order.CorrelationId && e.Seq <= order.Version).OrderBy(e => e.Seq).ToListAsync(ct);

    // The log is read only if there is something new to tell of it.
    private async Task<(OrderState? Order, List<SagaLogEntry> Log)> ChangedAsync(Guid orderId, int after, CancellationToken ct)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<OrchestratorDb>();
            var order = await db.FindAsync(orderId, ct).ConfigureAwait(false);
            return (order, order is null || order.Version <= after ? [] : await LogAsync(db, order, ct).ConfigureAwait(false));
        }
        catch (Exception e) when (Database.IsAway(e))
        {
            return (null, []);
        }
    }

    // Each version once. How it stands now its row says; what a version was that came before, the log.
    private IEnumerable<OrderView> Since(int after, OrderState order, List<SagaLogEntry> log)
    {
        if (order.Version <= after)
            yield break;
        if (Array.TrueForAll(order.Route.Split(' '), machine.Knows))
        {
            var retelling = new Retelling(machine.RouteOf(order.Route), order.Reason);
            foreach (var entry in log.TakeWhile(e => e.Seq < order.Version))
            {
                retelling.Hear(entry);
                if (entry.Seq > after)
                    yield return View(order, retelling, entry, log);
            }
        }

        yield return OrderView.Of(machine, order, log);
    }

    private OrderView View(OrderState order, Retelling then, SagaLogEntry last, List<SagaLogEntry> log)
    {
        var sofar = log.TakeWhile(e => e.Seq <= last.Seq).ToList();
        var priced = !order.Route.Split(' ').Contains(nameof(FreezePrice)) || sofar.Exists(e => e is { Step: nameof(FreezePrice), Status: Said.Done });
        return OrderView.Of(machine, order, sofar, string.Join(' ', then.Marks)) with
        {
            Status = CompensatingState.StatusOf(then.State),
            State = then.State,
            Reason = then.Reason,
            Total = priced ? order.Total : null,
            UpdatedAt = last.At,
            EndedAt = then.EndedAt,
            Version = last.Seq,
        };
    }
}
