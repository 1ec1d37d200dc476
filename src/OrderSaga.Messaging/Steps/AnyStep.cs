using System.Security.Cryptography;
using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// What all steps share: one local transaction for the effect and its row of the step log, the stored answer again for a repetition,
/// and answers that go out after the commit, under an id derived from the command's.
/// </summary>
/// <remarks>
/// The key (order, step, direction) is what serialises: two repetitions need the same row, a do and an undo that race both need the
/// do's row. Whoever commits second is rolled back and run again on what the first one left.
/// </remarks>
public abstract class AnyStep<TDb, TDo> : IConsumer<TDo>
    where TDb : DbContext
    where TDo : class
{
    private const int MostTries = 8;
    private static readonly RowsOf<TDb, StepLogEntry> Log = new((db, orders, step) => db.Set<StepLogEntry>().AsTracking().Where(e => orders.Contains(e.OrderId) && e.Step == step));

    private protected AnyStep(TDb db) => Db = db;

    protected static string Name { get; } = typeof(TDo).Name;

    private static string InItsNamespace { get; } = typeof(TDo).Namespace + ".";

    /// <summary>The context of the transaction that is under way, which may be shared with other orders.</summary>
    protected TDb Db { get; private set; }

    private protected bool IsShared { get; private set; }

    /// <summary>What the command asks for, in the participant's own terms: the same key with something else in it is refused. Never the whole message, for contracts grow.</summary>
    protected abstract object BusinessOf(TDo ask);

    /// <summary>A refusal with a reason code.</summary>
    protected abstract object Refusal(Guid orderId, string reason, string detail);

    protected static StepAnswer Done(object answer) => new(StepStatus.Done, answer);

    /// <summary>It is refused; what was changed before is taken back.</summary>
    protected static StepAnswer Refused(object answer) => new(StepStatus.Refused, answer);

    /// <summary>It is refused, and nothing was changed for it, or is any more: so it may share a commit with what is done for others.</summary>
    protected static StepAnswer RefusedAtOnce(object answer) => new(StepStatus.Refused, answer) { IsAtOnce = true };

    public abstract Task Consume(ConsumeContext<TDo> context);

    /// <summary>One transaction and its answer, which goes out after the commit.</summary>
    private protected async Task AnswerAsync(Turn turn, Func<Task<StepLogEntry>> work, TDo? ask = null) =>
        await PublishAsync(turn, await CommitAsync(turn, work, ask).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>One transaction, shared or alone, run again from the start when somebody else was faster.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="work">What is done in it.</param>
    /// <param name="ask">What it asks to be done, if that is what it does.</param>
    private protected async Task<T> CommitAsync<T>(Turn turn, Func<Task<T>> work, TDo? ask = null)
    {
        T shared = default!;
        var member = new Unit<TDb>(new(turn.OrderId, new Asked(turn, ask), (db, all) => InAsync(db, () => ReadAsync([.. all.Cast<Asked>()]))), GetType(),
            db => ShareAsync(db, async () => shared = await work().ConfigureAwait(false)), turn.Ct);
        if (turn.MayShare && await turn.Services.GetRequiredService<GroupCommit<TDb>>().TryAsync(member).ConfigureAwait(false))
            return shared;
        return await CommitAloneAsync(turn, work).ConfigureAwait(false);
    }

    /// <summary>Takes back what was changed so far; what others share cannot be taken back, so it is done alone then.</summary>
    private protected async Task RollBackAsync(CancellationToken ct)
    {
        if (IsShared)
            throw new NotForSharingException();
        await ForgetAsync().ConfigureAwait(false);
        await Db.Database.BeginWholeAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Reads all that the steps of those who share a commit look for by its key.</summary>
    private protected virtual Task ReadAsync(IReadOnlyList<Asked> turns) => ReadAsync(Log, turns);

    private protected Task ReadAsync<TRow>(RowsOf<TDb, TRow> rows, IReadOnlyList<Asked> turns)
        where TRow : class
        => rows.ReadAsync(Db, [.. turns.Select(t => t.Turn.OrderId)], Name);

    /// <summary>A row by its key.</summary>
    private protected async Task<TRow?> RowAsync<TRow>(Turn turn, IQueryable<TRow> row, params object[] key)
        where TRow : class
        => IsShared ? Db.Set<TRow>().Local.FindEntryUntyped(key)?.Entity : await row.SingleOrDefaultAsync(turn.Ct).ConfigureAwait(false);

    private async Task<bool> ShareAsync(TDb db, Func<Task> work)
    {
        try
        {
            await InAsync(db, work).ConfigureAwait(false);
            return true;
        }
        catch (NotForSharingException)
        {
            return false;
        }
    }

    private async Task InAsync(TDb db, Func<Task> work)
    {
        var own = Db;
        (Db, IsShared) = (db, true);
        try
        {
            await work().ConfigureAwait(false);
        }
        finally
        {
            (Db, IsShared) = (own, false);
        }
    }

    private async Task<T> CommitAloneAsync<T>(Turn turn, Func<Task<T>> work)
    {
        var database = turn.Services.GetRequiredService<DatabaseOf<TDb>>().Value;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await Db.Database.BeginWholeAsync(turn.Ct).ConfigureAwait(false);
                var result = await work().ConfigureAwait(false);
                await Db.SaveChangesAsync(turn.Ct).ConfigureAwait(false);
                await Db.Database.CommitTransactionAsync(turn.Ct).ConfigureAwait(false);
                return result;
            }
            catch (Exception e) when (attempt < MostTries && database.IsConflict(e))
            {
                // Somebody else answered first, or changed what we changed: again, on what is there now.
            }
            finally
            {
                await ForgetAsync().ConfigureAwait(false);
            }
        }
    }

    private protected Task<StepLogEntry?> FindAsync(Turn turn, bool undo) =>
        RowAsync(turn, Db.Set<StepLogEntry>().AsNoTracking().Where(e => e.OrderId == turn.OrderId && e.Step == Name && e.Undo == undo), turn.OrderId, Name, undo);

    private protected StepAnswer Planned(Turn turn) => RefusedAtOnce(Refusal(turn.OrderId, "FAULT_PLAN", $"{turn.Action} is refused, as the order's fault plan says."));

    /// <summary>Adds a row to the step log.</summary>
    private protected StepLogEntry Add(Turn turn, bool undo, StepAnswer answer, string? fingerprint = null)
    {
        var entry = Entry(turn, undo, answer, fingerprint);
        Db.Add(entry);
        return entry;
    }

    /// <summary>The answer to a command whose step log row is there: the stored one, if it asks for the same as then.</summary>
    private protected StepLogEntry Repeated(Turn turn, StepLogEntry before, string fingerprint) =>
        before.Fingerprint is null || before.Fingerprint == fingerprint ? before : Reused(turn);

    // Not a repetition but something else under a key that was used: what was done stays, this is not done, and somebody should know.
    private protected StepLogEntry Reused(Turn turn)
    {
        turn.Log(GetType()).LogError("Order {OrderId}: {Step} came again under its key with other content; it is refused", turn.OrderId, Name);
        return Entry(turn, undo: false, Refused(Refusal(turn.OrderId, "KEY_REUSED", $"{Name} was asked for before, with other content.")));
    }

    /// <summary>The step is not done and never will be: a late command for it is refused.</summary>
    private protected void Bar(Turn turn) =>
        Add(turn, undo: false, new(StepStatus.Barred, Refusal(turn.OrderId, "ALREADY_UNDONE", $"{Name} came after its undo.")));

    private protected static string Fingerprint(object business) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(business)).AsSpan(0, 16));

    private async Task ForgetAsync()
    {
        if (Db.Database.CurrentTransaction is { } open)
            await open.DisposeAsync().ConfigureAwait(false);
        Db.ChangeTracker.Clear();
    }

    private protected static Task PublishAsync(Turn turn, StepLogEntry entry) => PublishAsync(turn, Read(entry));

    /// <param name="turn">The turn.</param>
    /// <param name="answer">The message.</param>
    /// <param name="name">Tells it from others that the same command causes, if there are several of its type.</param>
    private protected static Task PublishAsync(Turn turn, object answer, string? name = null)
    {
        var type = answer.GetType();
        return turn.AnswerAsync((bus, ct) => bus.Publish(answer, type, Pipe.Execute<PublishContext>(publish =>
        {
            publish.MessageId = MessageId.Derive(turn.Command, name ?? type.Name);
            SagaHeaders.Mark(publish, turn.OrderId, Name, turn.Action);
        }), ct));
    }

    /// <summary>The stored answer as a message.</summary>
    private protected static object Read(StepLogEntry entry)
    {
        var type = typeof(TDo).Assembly.GetType(entry.AnswerType) ?? typeof(TDo).Assembly.GetType(InItsNamespace + entry.AnswerType)
            ?? throw new InvalidOperationException($"The stored answer of {Name} for {entry.OrderId} is a {entry.AnswerType}, which this version does not know.");
        return JsonSerializer.Deserialize(entry.Answer is "{}" ? OfOrder(entry.OrderId) + "}" : $"{OfOrder(entry.OrderId)},{entry.Answer.AsSpan(1)}", type)!;
    }

    private static string OfOrder(Guid orderId) => $"{{\"OrderId\":\"{orderId}\"";

    private static StepLogEntry Entry(Turn turn, bool undo, StepAnswer answer, string? fingerprint = null)
    {
        var type = answer.Message.GetType();
        var (name, said, ofOrder) = (type.FullName!, JsonSerializer.Serialize(answer.Message, type), OfOrder(turn.OrderId));
        return new StepLogEntry
        {
            OrderId = turn.OrderId,
            Step = Name,
            Undo = undo,
            Status = answer.Status,
            At = turn.Now,
            Fingerprint = fingerprint,
            // What stands in the row anyway is not written twice: the order, and where the contracts are.
            AnswerType = name.StartsWith(InItsNamespace, StringComparison.Ordinal) ? name[InItsNamespace.Length..] : name,
            Answer = said.StartsWith(ofOrder, StringComparison.Ordinal) ? "{" + said[ofOrder.Length..].TrimStart(',') : said,
        };
    }

    /// <summary>Who shares a commit, and what is to be done for him; null if it is something else.</summary>
    private protected readonly record struct Asked(Turn Turn, TDo? Ask);
}

/// <summary>A step wants to take back what it did in a transaction that is not its own.</summary>
internal sealed class NotForSharingException : Exception;

/// <summary>What came of a step.</summary>
public readonly record struct StepAnswer(string Status, object Message)
{
    /// <summary>It changed nothing, so there is nothing to take back.</summary>
    internal bool IsAtOnce { get; init; }
}
