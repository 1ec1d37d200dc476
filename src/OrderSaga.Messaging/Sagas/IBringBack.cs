using MassTransit;
using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Sagas;

/// <summary>Where sagas are that were put aside: a message for one that has no row any more brings it back, in the commit that handles the message.</summary>
public interface IBringBack<TSaga, TDb>
    where TSaga : class, ISaga
    where TDb : DbContext
{
    /// <summary>The saga, to be added by the commit that is under way; none if nobody knows it. Throws where the message does not concern what was put aside.</summary>
    Task<TSaga?> BringBackAsync(TDb db, Guid sagaId, object message, CancellationToken ct);

    /// <summary>Those of them that were put aside; nothing is brought back by asking.</summary>
    Task<IReadOnlyList<Guid>> PutAsideAsync(TDb db, IReadOnlyList<Guid> sagas, CancellationToken ct);
}
