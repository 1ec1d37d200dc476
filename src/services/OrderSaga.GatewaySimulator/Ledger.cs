using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;

namespace OrderSaga.Services;

/// <summary>
/// Takes money and gives it back, once per key. A charge is answered by its row, to each repetition the same; a refund and its answer are one
/// commit. Of two calls of a kind that come at once under one key the database lets one through, and the other gets its answer.
/// </summary>
internal sealed class Ledger(GatewayDb db, ForMany<GatewayDb> many, DatabaseOf<GatewayDb> database, TimeProvider time)
{
    private const int MostTries = 8;
    private const int PageSize = 1000;
    private static readonly JsonSerializerOptions Json = JsonSerializerOptions.Web;

    /// <summary>Tells one content from another. It is a hash: the token that is in it is not kept.</summary>
    public static Guid Fingerprint<T>(T content) => new(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(content)).AsSpan(0, 16), bigEndian: true);

    /// <summary>What was answered under the key before.</summary>
    public async Task<KeyedAnswer?> FindAsync(string key, Guid fingerprint)
    {
        var look = new Look(key);
        await ReadAsync(db, [look]).ConfigureAwait(false);
        return look.Again(fingerprint);
    }

    public async Task<KeyedAnswer> ChargeAsync(string key, Guid fingerprint, ChargeAsk ask, string? declined)
    {
        KeyedAnswer Take(GatewayDb books)
        {
            var charge = new LedgerCharge
            {
                Id = NewId("ch"),
                Key = key,
                Fingerprint = fingerprint,
                OrderId = ask.OrderId!.Value,
                Amount = ask.Amount!.Value,
                Currency = ask.Currency!,
                Status = declined is null ? LedgerCharge.Charged : LedgerCharge.Declined,
                DeclineCode = declined,
                At = Kept(time.GetUtcNow()),
            };
            books.Add(charge);
            return Of(charge);
        }

        var look = new Look(key);
        KeyedAnswer? shared = null;
        if (await many.TryAsync(new(MessageId.Derive(Guid.Empty, key), look, ReadAsync), books => shared = look.Again(fingerprint) ?? Take(books), CancellationToken.None).ConfigureAwait(false))
            return shared!;
        return (await OnceAsync(key, fingerprint, async () =>
        {
            var answer = Take(db);
            await db.SaveChangesAsync().ConfigureAwait(false);
            return answer;
        }).ConfigureAwait(false))!;
    }

    /// <returns>Null if it is more than is left of the charge, or in another currency.</returns>
    public Task<KeyedAnswer?> RefundAsync(string key, Guid fingerprint, string chargeId, RefundAsk ask) => OnceAsync(key, fingerprint, async () =>
    {
        var transaction = await db.Database.BeginTransactionAsync().ConfigureAwait(false);
        await using var disposed = transaction.ConfigureAwait(false);
        var amount = ask.Amount!.Value;
        var refund = new LedgerRefund { Id = NewId("re"), ChargeId = chargeId, Key = key, Amount = amount, At = time.GetUtcNow() };
        db.Add(refund);
        var answer = new KeyedAnswer(StatusCodes.Status201Created, JsonSerializer.Serialize(RefundView.Of(refund, ask.Currency!), Json), Replayed: false);
        db.Add(new UsedKey { Key = key, Fingerprint = fingerprint, Status = answer.Status, Answer = answer.Body, At = refund.At });
        // The key first: a repetition that comes at once waits there, and does not find the charge already refunded by itself.
        await db.SaveChangesAsync().ConfigureAwait(false);
        var paid = await db.Charges.Where(c => c.Id == chargeId && c.Status == LedgerCharge.Charged && c.Currency == ask.Currency && c.Amount - c.Refunded >= amount)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Refunded, c => c.Refunded + amount)).ConfigureAwait(false);
        if (paid == 0)
            return null;
        await transaction.CommitAsync().ConfigureAwait(false);
        return answer;
    });

    public Task<bool> HasAsync(string chargeId) => db.Charges.AnyAsync(c => c.Id == chargeId && c.Status == LedgerCharge.Charged);

    /// <summary>The money of an order: what was taken for it and given back.</summary>
    public Task<List<ChargeView>> OfOrderAsync(Guid orderId) => ViewAsync(db.Charges.Where(c => c.OrderId == orderId && c.Status == LedgerCharge.Charged));

    /// <summary>What became of the call under this key, a declined one too.</summary>
    public Task<List<ChargeView>> OfKeyAsync(string key) => ViewAsync(db.Charges.Where(c => c.Key == key));

    /// <summary>Charges in the order of their ids, declined ones too, from the one behind this.</summary>
    public Task<List<ChargeView>> PageAsync(string after) =>
        ViewAsync(db.Charges.Where(c => string.Compare(c.Id, after) > 0).OrderBy(c => c.Id).Take(PageSize));

    /// <summary>Counts one more failure of the key, unless it has had that many.</summary>
    public async Task<bool> FailsAsync(string key, int most)
    {
        while (most > 0)
        {
            var before = await db.Failures.CountAsync(f => f.Key == key).ConfigureAwait(false);
            if (before >= most)
                break;
            try
            {
                db.Add(new FailedCall { Key = key, Number = before + 1, At = time.GetUtcNow() });
                await db.SaveChangesAsync().ConfigureAwait(false);
                return true;
            }
            catch (Exception e) when (database.Value.IsConflict(e))
            {
                db.ChangeTracker.Clear(); // another call of the key took this number
            }
        }

        return false;
    }

    private async Task<KeyedAnswer?> OnceAsync(string key, Guid fingerprint, Func<Task<KeyedAnswer?>> act)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await FindAsync(key, fingerprint).ConfigureAwait(false) ?? await act().ConfigureAwait(false);
            }
            catch (Exception e) when (attempt < MostTries && database.Value.IsConflict(e))
            {
                db.ChangeTracker.Clear(); // another call of the key was faster: its answer is there now
            }
        }
    }

    private static async Task ReadAsync(GatewayDb books, IReadOnlyList<object> looks)
    {
        var keys = looks.Cast<Look>().Select(l => l.Key).ToList();
        var charges = await books.Charges.AsNoTracking().Where(c => keys.Contains(c.Key)).ToDictionaryAsync(c => c.Key).ConfigureAwait(false);
        var others = await books.Keys.AsNoTracking().Where(k => keys.Contains(k.Key)).ToDictionaryAsync(k => k.Key).ConfigureAwait(false);
        foreach (var look in looks.Cast<Look>())
            (look.Charge, look.Other) = (charges.GetValueOrDefault(look.Key), others.GetValueOrDefault(look.Key));
    }

    // What it was answered with at first, whatever was given back since.
    private static KeyedAnswer Of(LedgerCharge charge) => new(
        charge.Status == LedgerCharge.Charged ? StatusCodes.Status201Created : StatusCodes.Status402PaymentRequired,
        JsonSerializer.Serialize(ChargeView.Of(charge, []) with { Refunded = 0 }, Json), Replayed: false);

    // As the table keeps it, so that it is the same when it is read again.
    private static DateTimeOffset Kept(DateTimeOffset at) => at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));

    private async Task<List<ChargeView>> ViewAsync(IQueryable<LedgerCharge> charges)
    {
        var found = await charges.AsNoTracking().OrderBy(c => c.Id)
            .Select(c => new { Charge = c, Refunds = db.Refunds.Where(r => r.ChargeId == c.Id).OrderBy(r => r.At).ToList() }).ToListAsync().ConfigureAwait(false);
        return [.. found.Select(f => ChargeView.Of(f.Charge, f.Refunds))];
    }

    private string NewId(string kind) => $"{kind}_{Guid.CreateVersion7(time.GetUtcNow()):N}";

    private sealed class Look(string key)
    {
        public string Key => key;

        public LedgerCharge? Charge { get; set; }

        public UsedKey? Other { get; set; }

        public KeyedAnswer? Again(Guid fingerprint) =>
            Charge is { Fingerprint: { } charged } ? (charged == fingerprint ? Of(Charge) with { Replayed = true } : KeyedAnswer.Reused)
            : Other is not null ? (Other.Fingerprint == fingerprint ? new(Other.Status, Other.Answer, Replayed: true) : KeyedAnswer.Reused)
            : null;
    }
}

/// <summary>An answer that is kept under its key.</summary>
internal sealed record KeyedAnswer(int Status, string Body, bool Replayed)
{
    /// <summary>The key was used for something else.</summary>
    public static KeyedAnswer Reused { get; } = new(StatusCodes.Status422UnprocessableEntity, "", false);
}
