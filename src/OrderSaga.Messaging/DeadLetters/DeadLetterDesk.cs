using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// Where people look at dead letters and decide about them. A decision is one commit, with who made it: of two that are made at once one
/// counts. A replay is first decided and then sent, by whoever can: it outlives this process and a broker that is away.
/// </summary>
public sealed class DeadLetterDesk(IServiceScopeFactory scopes, Resend resend, TimeProvider time)
{
    private const int PageSize = 50;
    private const char Part = 'l';

    /// <summary>A page of the dead letters, the oldest first; none if <paramref name="page"/> is no word that a page gave.</summary>
    public Task<Page<DeadLetterLine>?> ListAsync(DeadLetterFilter filter, string? page, CancellationToken ct) => PageAsync(filter, page, PageSize, counted: false, ct);

    /// <summary>The same for acting on many, counted.</summary>
    public Task<Page<DeadLetterLine>?> SelectAsync(DeadLetterFilter filter, string? page, int most, CancellationToken ct) => PageAsync(filter, page, most, counted: true, ct);

    /// <summary>Behind which the next page begins.</summary>
    public static PageMark MarkOf(DeadLetterLine letter) => new(Part, letter.At, letter.Id);

    /// <summary>How many there are of each kind, the most first.</summary>
    public async Task<IReadOnlyList<DeadLetterKind>> KindsAsync(DeadLetterFilter filter, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var kinds = await filter.Of(Db(scope).DeadLetters).GroupBy(l => new { l.Queue, l.MessageType, l.Cause })
            .Select(g => new { g.Key, Count = g.Count(), Oldest = g.Min(l => l.At), Latest = g.Max(l => l.At) }).ToListAsync(ct).ConfigureAwait(false);
        return [.. kinds.OrderByDescending(k => k.Count).Select(k => new DeadLetterKind(k.Key.Queue, k.Key.MessageType, k.Key.Cause, k.Count, k.Oldest, k.Latest))];
    }

    /// <summary>How many wait for a person.</summary>
    public async Task<WaitingLetters> WaitingAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var found = await Db(scope).DeadLetters.Where(l => l.Status == DeadLetterStatus.Waiting).GroupBy(l => 1)
            .Select(g => new { Count = g.Count(), Oldest = g.Min(l => l.At) }).SingleOrDefaultAsync(ct).ConfigureAwait(false);
        return new(found?.Count ?? 0, found?.Oldest);
    }

    /// <summary>All of one.</summary>
    public async Task<DeadLetterFile?> FindAsync(Guid id, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var found = Db(scope).DeadLetters.AsNoTracking().Where(l => l.Id == id);
        if (await found.SingleOrDefaultAsync(ct).ConfigureAwait(false) is not { } letter)
            return null;
        return new(await Lines(found).SingleAsync(ct).ConfigureAwait(false))
        {
            ContentType = letter.ContentType,
            Headers = Shown.Json(letter.Headers),
            Body = Shown.Body(letter.Body),
            Bytes = letter.Body.Length,
            Details = letter.Details,
        };
    }

    /// <summary>Has it sent again as it came, to the queue that it came from. Its id is the same, so whoever did handle it after all recognises it.</summary>
    public async Task<LetterOutcome> ReplayAsync(Guid id, string? reason, string actor, CancellationToken ct)
    {
        var due = time.GetUtcNow() + Resend.Claim;
        var outcome = await DecideAsync(id, "replay", DeadLetterStatus.Replaying, due, reason, actor, ct).ConfigureAwait(false);
        return outcome.Answer == LetterAnswer.Decided && await resend.SendAsync(id, due, ct).ConfigureAwait(false) is { } why
            ? outcome with { Answer = LetterAnswer.Refused, Status = DeadLetterStatus.Waiting, Why = $"The broker was there and would not take it, so it waits again: {why}" }
            : outcome;
    }

    /// <summary>Nobody will handle it: kept for the record, with who decided so and why.</summary>
    public Task<LetterOutcome> DiscardAsync(Guid id, string reason, string actor, CancellationToken ct) =>
        DecideAsync(id, "discard", DeadLetterStatus.Discarded, due: null, reason, actor, ct);

    /// <summary>How replays ended: true, false where it is a dead letter again; those that are still on their way are left out.</summary>
    public async Task<IReadOnlyDictionary<Guid, bool>> EndedAsync(IReadOnlyCollection<Guid> ids, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await Db(scope).DeadLetters.Where(l => ids.Contains(l.Id) && l.Status != DeadLetterStatus.Replaying)
            .Select(l => new { l.Id, Well = l.Status != DeadLetterStatus.Waiting }).ToDictionaryAsync(l => l.Id, l => l.Well, ct).ConfigureAwait(false);
    }

    private async Task<Page<DeadLetterLine>?> PageAsync(DeadLetterFilter filter, string? page, int size, bool counted, CancellationToken ct)
    {
        if ((page is null ? new PageMark(Part, DateTimeOffset.MinValue, Guid.Empty) : PageMark.Read(page)) is not { Part: Part } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var behind = filter.Of(Db(scope).DeadLetters.AsNoTracking()).Where(l => l.At >= mark.At && (l.At > mark.At || l.Id.CompareTo(mark.Id) > 0));
        var found = await Lines(behind.OrderBy(l => l.At).ThenBy(l => l.Id).Take(size + 1)).ToListAsync(ct).ConfigureAwait(false);
        return new([.. found.Take(size)], found.Count <= size ? null : $"{MarkOf(found[size - 1])}")
        {
            Matched = counted ? await behind.CountAsync(ct).ConfigureAwait(false) : null,
        };
    }

    private async Task<LetterOutcome> DecideAsync(Guid id, string action, string status, DateTimeOffset? due, string? reason, string actor, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var (db, now) = (Db(scope), time.GetUtcNow());
        await using var transaction = await db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        // Who comes second waits here for the first one's commit, and then finds nothing to change.
        var decided = await db.DeadLetters
            .Where(l => l.Id == id && l.Status == DeadLetterStatus.Waiting && (due == null || !l.Cut))
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.Status, status).SetProperty(l => l.Due, due).SetProperty(l => l.SettledAt, now)
                .SetProperty(l => l.SettledBy, actor).SetProperty(l => l.Reason, reason), ct).ConfigureAwait(false) == 1;
        var letter = await db.DeadLetters.Where(l => l.Id == id).Select(l => new { l.Status, l.SagaId, l.Cut, l.SettledBy }).SingleOrDefaultAsync(ct).ConfigureAwait(false);
        if (letter is null)
            return new(LetterAnswer.Unknown, id, Why: $"No dead letter has the id {id}.");
        var already = !decided && letter.Status != DeadLetterStatus.Waiting && (letter.Status == DeadLetterStatus.Discarded) == (status == DeadLetterStatus.Discarded);
        var outcome = new LetterOutcome(decided ? LetterAnswer.Decided : already ? LetterAnswer.Already : LetterAnswer.Refused, id, letter.Status)
        {
            Why = decided || already ? null
                : letter.Status == DeadLetterStatus.Waiting ? "Its body was not kept as it came (it holds what must not be stored, or is too large): it can be discarded, and not replayed."
                : $"It is {letter.Status} by {letter.SettledBy}.",
        };
        // What operators try is kept whatever comes of it.
        db.Add(new OpsAction
        {
            Id = Guid.CreateVersion7(now), At = now, Actor = actor, Action = action, DeadLetterId = id, SagaId = letter.SagaId, Reason = reason,
            Outcome = decided ? status : already ? "ignored" : "denied",
        });
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return outcome;
    }

    // Without bodies, which a list does not show.
    private static IQueryable<DeadLetterLine> Lines(IQueryable<DeadLetter> letters) => letters.Select(l => new DeadLetterLine(
        l.Id, l.Queue, l.MessageType, l.MessageId, l.SagaId, l.Cause, l.Error, l.Times, l.Status, l.Since, l.At, !l.Cut, l.SettledAt, l.SettledBy, l.Reason));

    private static OpsDb Db(AsyncServiceScope scope) => scope.ServiceProvider.GetRequiredService<OpsDb>();
}

/// <summary>What came of deciding about a dead letter.</summary>
/// <param name="Answer">In a word.</param>
/// <param name="Id">The letter.</param>
/// <param name="Status">Where it stands now.</param>
/// <param name="Why">Why nothing was done, if so.</param>
public sealed record LetterOutcome(LetterAnswer Answer, Guid Id, string? Status = null, string? Why = null);

/// <summary>Whether something was decided.</summary>
public enum LetterAnswer
{
    /// <summary>There is no such letter.</summary>
    Unknown,

    /// <summary>It is decided and committed.</summary>
    Decided,

    /// <summary>It had been decided before; nothing was changed.</summary>
    Already,

    /// <summary>It must not be done as the letter stands.</summary>
    Refused,
}
