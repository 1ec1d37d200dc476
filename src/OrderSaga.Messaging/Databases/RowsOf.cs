using System.Linq.Expressions;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace OrderSaga.Messaging.Databases;

/// <summary>
/// What is asked with nearly every message: the rows of some orders. Worked out once per model, where a query as it stands in the code is
/// taken apart each time to see that it is the one of before.
/// </summary>
/// <param name="query">Of the ids, and of a name that the rows have in common.</param>
internal sealed class RowsOf<TDb, TRow>(Expression<Func<TDb, IReadOnlyList<Guid>, string, IQueryable<TRow>>> query)
    where TDb : DbContext
    where TRow : class
{
    private readonly ConditionalWeakTable<IModel, Func<TDb, IReadOnlyList<Guid>, string, IAsyncEnumerable<TRow>>> compiled = [];

    /// <summary>The rows, which the context has from then on.</summary>
    public async Task<List<TRow>> ReadAsync(TDb db, IReadOnlyList<Guid> ids, string name = "")
    {
        var rows = new List<TRow>();
        await foreach (var row in compiled.GetValue(db.Model, _ => EF.CompileAsyncQuery(query))(db, ids, name).ConfigureAwait(false))
            rows.Add(row);
        return rows;
    }
}
