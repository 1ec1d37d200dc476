using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Groups;

/// <summary>A member whose work is given to it.</summary>
/// <param name="shares">Its key, and what is to be read for it.</param>
/// <param name="kind">Those of a kind read together.</param>
/// <param name="change">Makes its changes; false if they are not for sharing.</param>
/// <param name="ct">Ends the wait for a commit.</param>
internal sealed class Unit<TDb>(Shared<TDb> shares, object kind, Func<TDb, Task<bool>> change, CancellationToken ct) : Member<TDb>(shares.Key, ct)
    where TDb : DbContext
{
    private readonly object about = shares.About;

    public override object Kind => kind;

    public override Task ReadAsync(TDb db, IReadOnlyList<Member<TDb>> ofItsKind) =>
        shares.Read is { } read ? read(db, [.. ofItsKind.Cast<Unit<TDb>>().Select(m => m.about)]) : Task.CompletedTask;

    protected override Task<bool> ChangeAsync(TDb db) => change(db);
}

/// <summary>That a commit may be shared with others.</summary>
/// <param name="Key">Two of one key never share a commit.</param>
/// <param name="About">What is to be read for it.</param>
/// <param name="Read">Reads for all that come together what each is about, by few statements; read anew when they begin again.</param>
public sealed record Shared<TDb>(Guid Key, object About, Func<TDb, IReadOnlyList<object>, Task>? Read = null)
    where TDb : DbContext
{
    /// <summary>It needs nothing to be read.</summary>
    public Shared(Guid key) : this(key, key)
    {
    }

    /// <summary>Those that read in the same way read together; those that read nothing are of a kind if they do the same work.</summary>
    internal object KindOf(Delegate work) => Read?.Method ?? work.Method;
}
