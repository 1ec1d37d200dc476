using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;

namespace OrderSaga.Messaging.Sagas;

/// <summary>A message to a saga that shares its commit with messages to others: all their rows are read at once, whatever the messages are.</summary>
/// <param name="sagaId">Whose it is.</param>
/// <param name="handle">Handles it on the saga's row, if there is one; false if it changes more than is for sharing.</param>
/// <param name="bringBack">Where sagas are that have no row.</param>
/// <param name="ct">Ends the wait for a commit.</param>
internal sealed class SagaMember<TSaga, TDb>(Guid sagaId, Func<TDb, TSaga?, Task<bool>> handle, IBringBack<TSaga, TDb>? bringBack, CancellationToken ct) : Member<TDb>(sagaId, ct)
    where TSaga : class, ISaga
    where TDb : DbContext
{
    private static readonly RowsOf<TDb, TSaga> Rows = new((db, ids, _) => db.Set<TSaga>().AsTracking().Where(s => ids.Contains(s.CorrelationId)));

    private TSaga? row;
    private bool isAside;

    public override async Task ReadAsync(TDb db, IReadOnlyList<Member<TDb>> ofItsKind)
    {
        var ids = ofItsKind.Select(m => m.Key).ToList();
        var rows = (await Rows.ReadAsync(db, ids).ConfigureAwait(false)).ToDictionary(s => s.CorrelationId);
        var missing = ids.Where(id => !rows.ContainsKey(id)).ToList();
        var aside = missing is [] || bringBack is null ? [] : await bringBack.PutAsideAsync(db, missing, CancellationToken.None).ConfigureAwait(false);
        foreach (var member in ofItsKind.Cast<SagaMember<TSaga, TDb>>())
            (member.row, member.isAside) = (rows.GetValueOrDefault(member.Key), aside.Contains(member.Key));
    }

    // To bring one back takes statements of its own.
    protected override async Task<bool> ChangeAsync(TDb db) => !isAside && await handle(db, row).ConfigureAwait(false);
}
