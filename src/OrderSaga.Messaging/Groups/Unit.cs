using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Groups;

/// <summary>A member whose work is given to it.</summary>
/// <param name="key">Two of one key never share a commit.</param>
/// <param name="kind">Those of a kind read together.</param>
/// <param name="change">Makes its changes; false if they are not for sharing.</param>
/// <param name="read">Reads what those of these keys need.</param>
/// <param name="place">Before whom.</param>
/// <param name="ct">Ends the wait for a commit.</param>
internal sealed class Unit<TDb>(
    Guid key, object kind, Func<TDb, Task<bool>> change, Func<TDb, IReadOnlyList<Guid>, Task>? read, string place, CancellationToken ct) : Member<TDb>(key, ct)
    where TDb : DbContext
{
    public override object Kind => kind;

    public override string Place => place;

    public override Task ReadAsync(TDb db, IReadOnlyList<Member<TDb>> ofItsKind) => read is null ? Task.CompletedTask : read(db, [.. ofItsKind.Select(m => m.Key)]);

    protected override Task<bool> ChangeAsync(TDb db) => change(db);
}
