using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>
/// Takes money and gives it back, once per key. What is done and the answer to it are one commit, so a charge is there with its answer
/// or not at all; of two calls that come at once under one key the table of keys lets one through, and the other gets its answer.
/// </summary>
internal sealed class Ledger(GatewayDb db, DatabaseOf<GatewayDb> database, TimeProvider time)
{
    private const int MostTries = 8;
    private const int PageSize = 1000;
    private static readonly JsonSerializerOptions Json = JsonSerializerOptions.Web;

    /// <summary>Tells one content from another. It is a hash: the token that is in it is not kept.</summary>
    public static string Fingerprint<T>(T content) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(content)).AsSpan(0, 16));

    /// <summary>What was answered under the key before.</summary>
    public async Task<KeyedAnswer?> FindAsync(string key, string fingerprint) =>
        await db.Keys.AsNoTracking().SingleOrDefaultAsync(k => k.Key == key).ConfigureAwait(false) is not { } used ? null
        : used.Fingerprint == fingerprint ? new(used.Status, used.Answer, Replayed: true)
        : KeyedAnswer.Reused;

    public async Task<KeyedAnswer> ChargeAsync(string key, string fingerprint, ChargeAsk ask, string? declined) => (await OnceAsync(key, fingerprint, async () =>
    {
        var charge = new LedgerCharge
        {
            Id = NewId("ch"),
            Key = key,
            OrderId = ask.OrderId!.Value,
            Amount = ask.Amount!.Value,
            Currency = ask.Currency!,
            Status = declined is null ? LedgerCharge.Charged : LedgerCharge.Declined,
            DeclineCode = declined,
            At = time.GetUtcNow(),
        };
        db.Add(charge);
        var answer = Keep(key, fingerprint, declined is null ? StatusCodes.Status201Created : StatusCodes.Status402PaymentRequired, ChargeView.Of(charge, []));
        await db.SaveChangesAsync().ConfigureAwait(false);
        return answer;
    }).ConfigureAwait(false))!;

    /// <returns>Null if it is more than is left of the charge, or in another currency.</returns>
    public Task<KeyedAnswer?> RefundAsync(string key, string fingerprint, string chargeId, RefundAsk ask) => OnceAsync(key, fingerprint, async () =>
    {
        var transaction = await db.Database.BeginTransactionAsync().ConfigureAwait(false);
        await using var disposed = transaction.ConfigureAwait(false);
        var amount = ask.Amount!.Value;
        var refund = new LedgerRefund { Id = NewId("re"), ChargeId = chargeId, Key = key, Amount = amount, At = time.GetUtcNow() };
        db.Add(refund);
        var answer = Keep(key, fingerprint, StatusCodes.Status201Created, RefundView.Of(refund, ask.Currency!));
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

    private async Task<KeyedAnswer?> OnceAsync(string key, string fingerprint, Func<Task<KeyedAnswer?>> act)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // Who calls has looked for the key himself.
                return (attempt == 1 ? null : await FindAsync(key, fingerprint).ConfigureAwait(false)) ?? await act().ConfigureAwait(false);
            }
            catch (Exception e) when (attempt < MostTries && database.Value.IsConflict(e))
            {
                db.ChangeTracker.Clear(); // another call of the key was faster: its answer is there now
            }
        }
    }

    private KeyedAnswer Keep<T>(string key, string fingerprint, int status, T view)
    {
        var answer = JsonSerializer.Serialize(view, Json);
        db.Add(new UsedKey { Key = key, Fingerprint = fingerprint, Status = status, Answer = answer, At = time.GetUtcNow() });
        return new(status, answer, Replayed: false);
    }

    private async Task<List<ChargeView>> ViewAsync(IQueryable<LedgerCharge> charges)
    {
        var found = await charges.AsNoTracking().OrderBy(c => c.Id)
            .Select(c => new { Charge = c, Refunds = db.Refunds.Where(r => r.ChargeId == c.Id).OrderBy(r => r.At).ToList() }).ToListAsync().ConfigureAwait(false);
        return [.. found.Select(f => ChargeView.Of(f.Charge, f.Refunds))];
    }

    private string NewId(string kind) => $"{kind}_{Guid.CreateVersion7(time.GetUtcNow()):N}";
}

/// <summary>An answer that is kept under its key.</summary>
internal sealed record KeyedAnswer(int Status, string Body, bool Replayed)
{
    /// <summary>The key was used for something else.</summary>
    public static KeyedAnswer Reused { get; } = new(StatusCodes.Status422UnprocessableEntity, "", false);
}
