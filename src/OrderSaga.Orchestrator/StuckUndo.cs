using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Orchestrator;

/// <summary>An undo that a person must finish. Kept until it is confirmed or resolved, and after that as a record.</summary>
public sealed class StuckUndo
{
    public Guid OrderId { get; init; }

    public string Step { get; init; } = "";

    public string Error { get; set; } = "";

    public int Attempts { get; set; }

    public DateTimeOffset Since { get; set; }

    public DateTimeOffset? ResolvedAt { get; set; }

    internal static async Task AddAsync(DbContext db, Guid orderId, string step, Stuck stuck, DateTimeOffset now, CancellationToken ct)
    {
        var entry = await db.Set<StuckUndo>().SingleOrDefaultAsync(s => s.OrderId == orderId && s.Step == step, ct).ConfigureAwait(false);
        if (entry is null)
            db.Add(entry = new StuckUndo { OrderId = orderId, Step = step });
        (entry.Error, entry.Attempts, entry.Since, entry.ResolvedAt) = (stuck.Error, entry.Attempts + stuck.Attempts, now, null);
    }

    internal static async Task SettleAsync(DbContext db, Guid orderId, string step, DateTimeOffset now, CancellationToken ct)
    {
        var entry = await db.Set<StuckUndo>().SingleOrDefaultAsync(s => s.OrderId == orderId && s.Step == step, ct).ConfigureAwait(false);
        if (entry is not null)
            entry.ResolvedAt = now;
    }
}
