using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Scheduling;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>The smallest saga that has a timer: it rings when it is due, and may then be set again.</summary>
public sealed class Alarm : IRowTimer
{
    public Guid CorrelationId { get; set; }

    public DateTimeOffset? Due { get; set; }

    public int Token { get; set; }

    public int Version { get; set; }

    /// <summary>How often it rang: what the tests are about.</summary>
    public int Rung { get; set; }

    /// <summary>How often it is set again, and how long for.</summary>
    public int Again { get; set; }

    public TimeSpan Pause { get; set; }

    public void Set(DateTimeOffset? due) => (Due, Token, Version) = (due, Token + 1, Version + 1);
}

public sealed class AlarmDb(DbContextOptions<AlarmDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "alarms";

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Alarm>(alarm =>
        {
            alarm.HasKey(a => a.CorrelationId);
            alarm.Property(a => a.CorrelationId).ValueGeneratedNever();
            alarm.Property(a => a.Version).IsConcurrencyToken();
            alarm.HasIndex(a => a.Due);
        });
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>Rings: one commit, if the alarm still stands as it was set.</summary>
internal sealed class Bell(IServiceScopeFactory scopes, TimeProvider time) : IActOnTimeout<Alarm>
{
    private readonly ConcurrentQueue<(Guid Alarm, int Token, DateTimeOffset At)> rung = [];
    private int asked;

    /// <summary>What rang on this node, as it was committed.</summary>
    public IReadOnlyList<(Guid Alarm, int Token, DateTimeOffset At)> Rung => [.. rung];

    /// <summary>How often it was asked to ring.</summary>
    public int Asked => asked;

    /// <summary>Holds it back until it is completed.</summary>
    public Task Held { get; set; } = Task.CompletedTask;

    public async Task ActAsync(Guid sagaId, int token, CancellationToken ct)
    {
        Interlocked.Increment(ref asked);
        await Held;
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AlarmDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var alarm = await db.Set<Alarm>().SingleAsync(a => a.CorrelationId == sagaId, ct);
        var now = time.GetUtcNow();
        if (alarm.Token != token || alarm.Due > now)
            return;
        alarm.Rung++;
        alarm.Set(alarm.Again-- > 0 ? now + alarm.Pause : null);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        rung.Enqueue((sagaId, token, now));
    }
}
