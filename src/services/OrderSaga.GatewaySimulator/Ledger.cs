using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;

namespace OrderSaga.Services;

/// <summary>
/// Takes money and gives it back, once per key. What is done and the answer to it are one commit, so a charge is there with its answer
/// or not at all; of two calls that come at once under one key the table of keys lets one through, and the other gets its answer.
/// </summary>
internal sealed class Ledger(GatewayDb db, ForMany<GatewayDb> many, DatabaseOf<GatewayDb> database, TimeProvider time)
{
    private const int MostTries = 8;
    private const int PageSize = 1000;
    private static readonly JsonSerializerOptions Json = JsonSerializerOptions.Web;

    /// <summary>Tells one content from another. It is a hash: the token that is in it is not kept.</summary>
    public static string Fingerprint<T>(T content) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(content)).AsSpan(0, 16));

    /// <summary>What was answered under the key before.</summary>
    public async Task<KeyedAnswer?> FindAsync(string key, string fingerprint) =>
        await db.Keys.AsNoTracking().SingleOrDefaultAsync(k => k.Key == key).ConfigureAwait(false) is { } used ? Again(used, fingerprint) : null;

    public async Task<KeyedAnswer> ChargeAsync(string key, string fingerprint, ChargeAsk ask, string? declined)
    {
        KeyedAnswer Take(GatewayDb books)
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
            books.Add(charge);
            return Keep(books, key, fingerprint, declined is null ? StatusCodes.Status201Created : StatusCodes.Status402PaymentRequired, ChargeView.Of(charge, []));
        }

        var look = new Look(key);
        KeyedAnswer? shared = null;
        if (await many.TryAsync(new(MessageId.Derive(Guid.Empty, key), look, ReadAsync), books => shared = look.Used is { } used ? Again(used, fingerprint) : Take(books), CancellationToken.None).ConfigureAwait(false))
            return shared!;
        return (await OnceAsync(key, fingerprint, async () =>
        {
            var answer = Take(db);
            await db.SaveChangesAsync().ConfigureAwait(false);
            return answer;
        }).ConfigureAwait(false))!;
    }

    /// <returns>Null if it is more than is left of the charge, or in another currency.</returns>
    public Task<KeyedAnswer?> RefundAsync(string key, string fingerprint, string chargeId, RefundAsk ask) => OnceAsync(key, fingerprint, async () =>
    {
        var transaction = await db.Database.BeginTransactionAsync().ConfigureAwait(false);
        await using var disposed = transaction.ConfigureAwait(false);
        var amount = ask.Amount!.Value;
        var refund = new LedgerRefund { Id = NewId("re"), ChargeId = chargeId, Key = key, Amount = amount, At = time.GetUtcNow() };
        db.Add(refund);
        var answer = Keep(db, key, fingerprint, StatusCodes.Status201Created, RefundView.Of(refund, ask.Currency!));
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
                return await FindAsync(key, fingerprint).ConfigureAwait(false) ?? await act().ConfigureAwait(false);
            }
            catch (Exception e) when (attempt < MostTries && database.Value.IsConflict(e))
            {
                db.ChangeTracker.Clear(); // another call of the key was faster: its answer is there now
            }
        }
    }

    private static KeyedAnswer Again(UsedKey used, string fingerprint) => used.Fingerprint == fingerprint ? new(used.Status, used.Answer, Replayed: true) : KeyedAnswer.Reused;

    private static async Task ReadAsync(GatewayDb books, IReadOnlyList<object> looks)
    {
        var keys = looks.Cast<Look>().Select(l => l.Key).ToList();
        var used = await books.Keys.AsNoTracking().Where(k => keys.Contains(k.Key)).ToDictionaryAsync(k => k.Key).ConfigureAwait(false);
        foreach (var look in looks.Cast<Look>())
            look.Used = used.GetValueOrDefault(look.Key);
    }

    private KeyedAnswer Keep<T>(GatewayDb books, string key, string fingerprint, int status, T view)
    {
        var answer = JsonSerializer.Serialize(view, Json);
        books.Add(new UsedKey { Key = key, Fingerprint = fingerprint, Status = status, Answer = answer, At = time.GetUtcNow() });
        return new(status, answer, Replayed: false);
    }

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

        public UsedKey? Used { get; set; }
    }
}

/// <summary>An answer that is kept under its key.</summary>
internal sealed record KeyedAnswer(int Status, string Body, bool Replayed)
{
    /// <summary>The key was used for something else.</summary>
    public static KeyedAnswer Reused { get; } = new(StatusCodes.Status422UnprocessableEntity, "", false);
}
