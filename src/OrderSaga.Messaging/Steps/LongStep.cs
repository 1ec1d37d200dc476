using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// A step that may take its time: it begins in one transaction, is carried on with from time to time by any node, and ends in another
/// one, which also has its row of the step log. No transaction, thread or message is held in between. Whoever asked hears at the
/// beginning and from time to time that it is at work, so its silence is not taken for an answer; an undo stops it.
/// </summary>
/// <remarks>
/// The row of what is under way serialises as the step log does: two that begin both need it, an undo that finds nothing puts an ended
/// one there. Carrying on and ending change its version.
/// </remarks>
public abstract class LongStep<TDb, TDo, TUndo>(TDb db) : Step<TDb, TDo, TUndo>(db), ILongStep
    where TDb : DbContext
    where TDo : class
    where TUndo : class
{
    private const int BatchSize = 200;
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(10);
    private static readonly RowsOf<TDb, UnderWay> Unfinished = new((db, orders, step) => db.Set<UnderWay>().AsTracking().Where(s => orders.Contains(s.OrderId) && s.Step == step));

    /// <summary>The step began, and is not done: see <see cref="CarryOnAsync"/>.</summary>
    /// <param name="look">When somebody should carry on with it.</param>
    /// <param name="until">Until when its silence must not be taken for an answer.</param>
    protected static StepAnswer Later(DateTimeOffset look, DateTimeOffset until) => new(StepStatus.UnderWay, new Later(look, until));

    /// <summary>What has come of what is under way: done, refused, or still <see cref="Later"/>. What it changes is kept in each case.</summary>
    protected abstract Task<StepAnswer> CarryOnAsync(Guid orderId, DateTimeOffset since, CancellationToken ct);

    /// <summary>What tells whoever asked that the step is at work.</summary>
    protected abstract object StillAtWork(Guid orderId, DateTimeOffset until);

    public override async Task Consume(ConsumeContext<TDo> context)
    {
        var turn = Turn.Of(context, Name);
        if (!turn.Begins())
            return;
        var fingerprint = Fingerprint(BusinessOf(context.Message));
        var said = await CommitAsync(turn, () => BeginAsync(turn, context.Message, fingerprint), context.Message).ConfigureAwait(false);
        if (said.Beat is not null)
            turn.Services.GetRequiredService<Doorbell<TDb>>().Ring();
        await SayAsync(turn, said).ConfigureAwait(false);
    }

    async Task<(IReadOnlyList<Guid> Due, DateTimeOffset? Next)> ILongStep.DueAsync(DateTimeOffset now, CancellationToken ct)
    {
        var open = Db.Set<UnderWay>().AsNoTracking().Where(s => s.Due != null && s.Step == Name);
        // Those that wait longest come first.
        var due = await open.Where(s => s.Due <= now).OrderBy(s => s.Since).Take(BatchSize).Select(s => s.OrderId).ToListAsync(ct).ConfigureAwait(false);
        return (due, due.Count > 0 ? now : await open.MinAsync(s => s.Due, ct).ConfigureAwait(false));
    }

    async Task ILongStep.CarryOnAsync(Guid orderId, IServiceProvider services, IPublishEndpoint bus, CancellationToken ct)
    {
        var command = await Db.Set<UnderWay>().Where(s => s.OrderId == orderId && s.Step == Name).Select(s => s.Command).SingleAsync(ct).ConfigureAwait(false);
        var turn = new Turn(orderId, Name, command, Guid.NewGuid(), services, bus, ct);
        await SayAsync(turn, await CommitAsync(turn with { MayShare = false }, () => GoOnAsync(turn)).ConfigureAwait(false)).ConfigureAwait(false);
    }

    Task ILongStep.PutOffAsync(Guid orderId, DateTimeOffset now, CancellationToken ct)
    {
        var later = now + AfterFailure;
        return Db.Set<UnderWay>().Where(s => s.OrderId == orderId && s.Step == Name && s.Due <= now)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Due, later).SetProperty(s => s.Version, s => s.Version + 1), ct);
    }

    private protected override async Task<bool> IsUnderWayAsync(Turn turn) => await UnderWayAsync(turn).ConfigureAwait(false) is { Due: not null };

    private protected override async Task<bool> StopAsync(Turn turn)
    {
        var underWay = await UnderWayAsync(turn).ConfigureAwait(false) ?? Db.Add(new UnderWay { OrderId = turn.OrderId, Step = Name, Command = turn.Command, Since = turn.Now }).Entity;
        var went = underWay.Due is not null;
        underWay.End();
        return went;
    }

    private async Task<Said> BeginAsync(Turn turn, TDo ask, string fingerprint)
    {
        var underWay = await UnderWayAsync(turn).ConfigureAwait(false);
        if (await FindAsync(turn, undo: false).ConfigureAwait(false) is { } before)
            return new(Repeated(turn, before, fingerprint));
        if (underWay is not null)
            return underWay.Fingerprint == fingerprint ? new(StillAtWork(turn.OrderId, underWay.Promised), underWay.Promised) : new(Reused(turn));

        var answer = await DoneAsync(turn, ask).ConfigureAwait(false);
        if (answer.Message is Later later)
        {
            underWay = Db.Add(new UnderWay { OrderId = turn.OrderId, Step = Name, Command = turn.Command, Fingerprint = fingerprint, Since = turn.Now }).Entity;
            underWay.Promise(later);
            return new(StillAtWork(turn.OrderId, later.Until), later.Until);
        }

        return new(Add(turn, undo: false, answer, fingerprint));
    }

    private async Task<Said> GoOnAsync(Turn turn)
    {
        var underWay = await UnderWayAsync(turn).ConfigureAwait(false);
        if (underWay?.Due is not { } due || due > turn.Now)
            return default; // it was ended, or somebody else has just been here
        var answer = await CarryOnAsync(turn.OrderId, underWay.Since, turn.Ct).ConfigureAwait(false);
        // Forgotten, if it was rolled back meanwhile; changed since then, it is a conflict.
        Db.Update(underWay);
        if (answer.Message is Later later)
            return underWay.Promise(later) ? new(StillAtWork(turn.OrderId, later.Until), later.Until) : default;
        underWay.End();
        return new(Add(turn, undo: false, answer, underWay.Fingerprint));
    }

    private static Task SayAsync(Turn turn, Said said) => said switch
    {
        { Entry: { } entry } => PublishAsync(turn, entry),
        // Each beat counts, so each has an id of its own.
        { Beat: { } beat } => PublishAsync(turn, beat, $"{beat.GetType().Name}:{said.Until.UtcTicks}"),
        _ => Task.CompletedTask,
    };

    private protected override async Task ReadAsync(IReadOnlyList<Asked> turns)
    {
        await ReadAsync(Unfinished, turns).ConfigureAwait(false);
        await base.ReadAsync(turns).ConfigureAwait(false);
    }

    private protected override async Task<bool> IsNewAsync(Turn turn) =>
        await UnderWayAsync(turn).ConfigureAwait(false) is null && await base.IsNewAsync(turn).ConfigureAwait(false);

    private Task<UnderWay?> UnderWayAsync(Turn turn) =>
        RowAsync(turn, Db.Set<UnderWay>().AsTracking().Where(s => s.OrderId == turn.OrderId && s.Step == Name), turn.OrderId, Name);

    /// <summary>What a turn has to say: the answer, a beat, or nothing.</summary>
    private readonly record struct Said(StepLogEntry? Entry, object? Beat, DateTimeOffset Until)
    {
        public Said(StepLogEntry entry) : this(entry, null, default)
        {
        }

        public Said(object beat, DateTimeOffset until) : this(null, beat, until)
        {
        }
    }
}

/// <summary>Made by <see cref="LongStep{TDb,TDo,TUndo}"/> alone; what carrying on needs of it.</summary>
public interface ILongStep : IConsumer
{
    /// <summary>The orders whose step is due, or when the next one will be.</summary>
    internal Task<(IReadOnlyList<Guid> Due, DateTimeOffset? Next)> DueAsync(DateTimeOffset now, CancellationToken ct);

    internal Task CarryOnAsync(Guid orderId, IServiceProvider services, IPublishEndpoint bus, CancellationToken ct);

    /// <summary>What could not be carried on with is due again later.</summary>
    internal Task PutOffAsync(Guid orderId, DateTimeOffset now, CancellationToken ct);
}
