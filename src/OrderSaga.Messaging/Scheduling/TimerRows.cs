using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>A timer as its row has it.</summary>
internal readonly record struct TimerRow(Guid SagaId, int Token, DateTimeOffset Due);

/// <summary>Reads timers from the rows of their sagas, where alone they stand: one plain query each, no transaction.</summary>
internal sealed class TimerRows<TDb, TSaga>(IServiceScopeFactory scopes, Func<DateTimeOffset, Expression<Func<TSaga, bool>>> mayBeDue)
    where TDb : DbContext
    where TSaga : class, IRowTimer
{
    /// <summary>What is due after one moment and until another.</summary>
    public Task<List<TimerRow>> BetweenAsync(DateTimeOffset after, DateTimeOffset until, CancellationToken ct) =>
        TimersAsync(rows => rows.Where(mayBeDue(until)).Where(s => s.Due > after && s.Due <= until), ct);

    /// <summary>What these sagas have that is due until a moment.</summary>
    public Task<List<TimerRow>> OfAsync(IReadOnlyCollection<Guid> sagas, DateTimeOffset until, CancellationToken ct) =>
        TimersAsync(rows => rows.Where(s => sagas.Contains(s.CorrelationId) && s.Due <= until), ct);

    /// <summary>Whether a timer still counts and its time is up.</summary>
    public Task<bool> IsUpAsync(Guid saga, int token, DateTimeOffset now, CancellationToken ct) =>
        ReadAsync(rows => rows.AnyAsync(s => s.CorrelationId == saga && s.Token == token && s.Due <= now, ct));

    private Task<List<TimerRow>> TimersAsync(Func<IQueryable<TSaga>, IQueryable<TSaga>> which, CancellationToken ct) =>
        ReadAsync(rows => which(rows).Select(s => new TimerRow(s.CorrelationId, s.Token, s.Due!.Value)).ToListAsync(ct));

    private async Task<T> ReadAsync<T>(Func<IQueryable<TSaga>, Task<T>> read)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await read(scope.ServiceProvider.GetRequiredService<TDb>().Set<TSaga>().AsNoTracking()).ConfigureAwait(false);
    }
}
