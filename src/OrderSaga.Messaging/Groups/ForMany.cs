using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Groups;

/// <summary>
/// What is said of single orders, and can be done for many of them by the same statements: those that come while others are being done
/// are done together next, in one transaction.
/// </summary>
public sealed class ForMany<TDb>
    where TDb : DbContext
{
    private readonly IServiceScopeFactory scopes;

    // Not with the steps: what many orders share is changed in one order here, and in another one there.
    private readonly GroupCommit<TDb> groups;

    internal ForMany(IServiceScopeFactory scopes, DatabaseOf<TDb> database) => (this.scopes, groups) = (scopes, new(scopes, database));

    /// <summary>Returns when it is committed.</summary>
    /// <param name="context">The message that says it.</param>
    /// <param name="orderId">Of which order.</param>
    /// <param name="work">Does it for some orders. Whatever fails is done for each of them alone, so it may come twice.</param>
    public async Task DoAsync(ConsumeContext context, Guid orderId, Func<TDb, IReadOnlyList<Guid>, Task> work)
    {
        var shares = new Shared<TDb>(orderId, orderId, (db, orders) => work(db, [.. orders.Cast<Guid>()]));
        var unit = new Unit<TDb>(shares, work.Method, _ => Task.FromResult(true), context.CancellationToken);
        if (context.MayShare() && await groups.TryAsync(unit).ConfigureAwait(false))
            return;
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(context.CancellationToken).ConfigureAwait(false);
        await work(db, [orderId]).ConfigureAwait(false);
        await transaction.CommitAsync(context.CancellationToken).ConfigureAwait(false);
    }

    /// <summary>For what no message says. Returns when it is committed; or false, and nothing of it is: then it is to be done alone.</summary>
    /// <param name="shares">What it is about.</param>
    /// <param name="change">Makes its changes, which it does not save; run anew when the others begin again.</param>
    /// <param name="ct">Ends the wait for a commit.</param>
    public Task<bool> TryAsync(Shared<TDb> shares, Action<TDb> change, CancellationToken ct) => groups.TryAsync(new Unit<TDb>(shares, shares.KindOf(change), db =>
    {
        change(db);
        return Task.FromResult(true);
    }, ct));
}
