using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator;

/// <summary>That a service stood still, because its database was away: what it did not answer then is no silence.</summary>
internal sealed class ServiceOutage
{
    // Longer than any order waits for an answer.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(2);

    public string Service { get; init; } = "";

    public DateTimeOffset Since { get; init; }

    public DateTimeOffset Until { get; set; }

    /// <summary>What it is asked for, by name.</summary>
    public string Commands { get; set; } = "";

    public DeafTime Time => new(Since, Until);

    public bool Concerns(string? command) => command is not null && Commands.Split(' ').Contains(command);

    /// <summary>Takes what a service says of itself into the list, and what is long over out of it.</summary>
    internal static async Task HearAsync(OrchestratorDb db, ServiceAway away, DateTimeOffset now, CancellationToken ct)
    {
        // To the millisecond: databases keep fewer digits than clocks have.
        var since = new DateTimeOffset(away.Since.UtcTicks / TimeSpan.TicksPerMillisecond * TimeSpan.TicksPerMillisecond, TimeSpan.Zero);
        var outages = await db.Outages.ToListAsync(ct).ConfigureAwait(false);
        db.RemoveRange(outages.Where(o => o.Until < now - Kept));
        var outage = outages.Find(o => o.Service == away.Service && o.Since == since);
        if (outage is null)
            db.Add(outage = new ServiceOutage { Service = away.Service, Since = since });
        outage.Until = away.Until > outage.Until ? away.Until : outage.Until;
        outage.Commands = string.Join(' ', away.Commands);
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
    }
}

/// <summary>Keeps what services say of their outages where every node looks. Said again every few seconds, so one that is lost is no matter.</summary>
internal sealed class KeepOutage(OrchestratorDb db, TimeProvider time) : IConsumer<ServiceAway>
{
    public Task Consume(ConsumeContext<ServiceAway> context) => ServiceOutage.HearAsync(db, context.Message, time.GetUtcNow(), context.CancellationToken);
}
