using System.Security.Cryptography;
using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// A step of a participant that has no undo. The base keeps the promises that make it safe to ask twice or late: effect and step log in
/// one local transaction; the stored answer again for a repetition; a refusal leaves no effect. Answers go out after the commit, under
/// an id derived from the command's.
/// </summary>
/// <remarks>
/// The key (order, step, direction) is what serialises: two repetitions need the same row, a do and an undo that race both need the
/// do's row. Whoever commits second is rolled back and run again on what the first one left.
/// </remarks>
public abstract class DoStep<TDb, TDo>(TDb db) : IConsumer<TDo>
    where TDb : DbContext
    where TDo : class
{
    private const int MostTries = 8;

    protected static string Name { get; } = typeof(TDo).Name;

    protected TDb Db { get; } = db;

    /// <summary>Changes what has to be changed, through <see cref="Db"/>, and says what came of it: the done message or the refusal.</summary>
    protected abstract Task<StepAnswer> DoAsync(TDo ask, CancellationToken ct);

    /// <summary>What the command asks for, in the participant's own terms: the same key with something else in it is refused. Never the whole message, for contracts grow.</summary>
    protected abstract object BusinessOf(TDo ask);

    /// <summary>A refusal with a reason code.</summary>
    protected abstract object Refusal(Guid orderId, string reason, string detail);

    protected static StepAnswer Done(object answer) => new(StepStatus.Done, answer);

    protected static StepAnswer Refused(object answer) => new(StepStatus.Refused, answer);

    public Task Consume(ConsumeContext<TDo> context) => AnswerAsync(context, async (orderId, time, ct) =>
    {
        var fingerprint = Fingerprint(BusinessOf(context.Message));
        if (await FindAsync(orderId, undo: false, ct).ConfigureAwait(false) is { } before)
            return before.Fingerprint is null || before.Fingerprint == fingerprint ? before : Reused(context, orderId, time);
        var answer = await DoAsync(context.Message, ct).ConfigureAwait(false);
        if (answer.Status == StepStatus.Refused)
            await RollBackEffectAsync(ct).ConfigureAwait(false);
        return Add(Entry(orderId, undo: false, answer, time, fingerprint));
    });

    private protected async Task AnswerAsync<T>(ConsumeContext<T> context, Func<Guid, DateTimeOffset, CancellationToken, Task<StepLogEntry>> handle)
        where T : class
    {
        var services = context.GetPayload<IServiceProvider>();
        var database = services.GetRequiredService<DatabaseOf<TDb>>().Value;
        var time = services.GetRequiredService<TimeProvider>();
        var orderId = SagaMessage<T>.SagaId(context.Message);
        var ct = context.CancellationToken;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await Db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
                var entry = await handle(orderId, time.GetUtcNow(), ct).ConfigureAwait(false);
                await Db.SaveChangesAsync(ct).ConfigureAwait(false);
                await Db.Database.CommitTransactionAsync(ct).ConfigureAwait(false);
                await PublishAsync(context, orderId, entry).ConfigureAwait(false);
                return;
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

    private protected Task<StepLogEntry?> FindAsync(Guid orderId, bool undo, CancellationToken ct) =>
        Db.Set<StepLogEntry>().AsNoTracking().SingleOrDefaultAsync(e => e.OrderId == orderId && e.Step == Name && e.Undo == undo, ct);

    private protected static StepLogEntry Entry(Guid orderId, bool undo, StepAnswer answer, DateTimeOffset at, string? fingerprint = null)
    {
        var type = answer.Message.GetType();
        return new StepLogEntry
        {
            OrderId = orderId,
            Step = Name,
            Undo = undo,
            Status = answer.Status,
            At = at,
            Fingerprint = fingerprint,
            AnswerType = type.FullName!,
            Answer = JsonSerializer.Serialize(answer.Message, type),
        };
    }

    private protected StepLogEntry Add(StepLogEntry entry)
    {
        Db.Add(entry);
        return entry;
    }

    // Not a repetition but something else under a key that was used: what was done stays, this is not done, and somebody should know.
    private StepLogEntry Reused(ConsumeContext<TDo> context, Guid orderId, DateTimeOffset at)
    {
        context.GetPayload<IServiceProvider>().GetRequiredService<ILoggerFactory>().CreateLogger(GetType())
            .LogError("Order {OrderId}: {Step} came again under its key with other content; it is refused", orderId, Name);
        return Entry(orderId, undo: false, Refused(Refusal(orderId, "KEY_REUSED", $"{Name} was asked for before, with other content.")), at);
    }

    private static string Fingerprint(object business) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(business)).AsSpan(0, 16));

    // A refusal must not leave half an effect behind (the first of two products reserved, the second one short).
    private async Task RollBackEffectAsync(CancellationToken ct)
    {
        await ForgetAsync().ConfigureAwait(false);
        await Db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
    }

    private async Task ForgetAsync()
    {
        if (Db.Database.CurrentTransaction is { } open)
            await open.DisposeAsync().ConfigureAwait(false);
        Db.ChangeTracker.Clear();
    }

    private static Task PublishAsync<T>(ConsumeContext<T> context, Guid orderId, StepLogEntry entry)
        where T : class
    {
        var type = typeof(TDo).Assembly.GetType(entry.AnswerType)
            ?? throw new InvalidOperationException($"The stored answer of {Name} for {orderId} is a {entry.AnswerType}, which this version does not know.");
        var answer = JsonSerializer.Deserialize(entry.Answer, type)!;
        var command = context.GetOriginalMessageId() ?? orderId;
        return context.Publish(answer, type, Pipe.Execute<PublishContext>(publish =>
        {
            publish.MessageId = MessageId.Derive(command, type.Name);
            SagaHeaders.Mark(publish, orderId, Name, typeof(T).Name);
        }), context.CancellationToken);
    }
}

/// <summary>What came of a step.</summary>
public readonly record struct StepAnswer(string Status, object Message);
