using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>What operators did to dead letters and alerts.</summary>
public sealed class OpsActions(IServiceScopeFactory scopes)
{
    /// <summary>The part of a mark that says that its row is one of these.</summary>
    public const char Part = 'x';

    /// <summary>The last of them behind a mark, which may be of another list that is told along with this one, and before it where both happened at once.</summary>
    public async Task<IReadOnlyList<OpsAction>> ListAsync(Guid? sagaId, PageMark? mark, int most, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var actions = scope.ServiceProvider.GetRequiredService<OpsDb>().Actions.AsNoTracking().Where(a => sagaId == null || a.SagaId == sagaId);
        if (mark is { } m)
            actions = m.Part == Part ? actions.Where(a => a.At <= m.At && (a.At < m.At || a.Id.CompareTo(m.Id) < 0)) : actions.Where(a => a.At <= m.At);
        return await actions.OrderByDescending(a => a.At).ThenByDescending(a => a.Id).Take(most).ToListAsync(ct).ConfigureAwait(false);
    }
}
