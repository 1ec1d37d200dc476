using Microsoft.AspNetCore.Mvc;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Host.Reconciliation;

/// <summary>Shows operators whether everybody's books agree. Reads only, and all of the books: nothing for every minute.</summary>
internal static class ReconciliationApi
{
    private const int LongestSettled = 24 * 60 * 60;

    public static void MapReconciliation(this IEndpointRouteBuilder app) =>
        app.MapGet("/ops/reconciliation", (HostBooks books, [FromQuery] int? settled, CancellationToken ct) => ReconcileAsync(books, settled ?? HostBooks.UsuallySettled, ct)).ForReaders()
            .WithSummary("Compare everybody's books")
            .WithDescription("Per check a count, 0 when all is well, and examples. Reads all of the tables. Orders that ended less than `settled` seconds ago are left out.")
            .Answers(200, "What does not agree.", typeof(object))
            .Refuses(400, "question-invalid", "`settled` is no number of seconds up to a day")
            .Refuses(409, "books-unknown", "this process does not know all of the databases");

    private static async Task<IResult> ReconcileAsync(HostBooks books, int settled, CancellationToken ct)
    {
        if (settled is < 0 or > LongestSettled)
            return Problems.Invalid("question", new Dictionary<string, string[]> { ["settled"] = [$"It is a number of seconds from 0 to {LongestSettled}: orders that ended less than that ago are left out."] });
        if (books.Unknown is { } unknown)
            return Problems.Of(409, "books-unknown", "Not all books can be read here.", $"This process does not know the database of {unknown}: set {DatabaseSettings.KeyOf(unknown)}.");
        var found = await books.ReconcileAsync(settled, ct).ConfigureAwait(false);
        return Results.Ok(new { at = found.At, settledSeconds = settled, violations = found.Violations, checks = found.Checks, notChecked = found.NotChecked });
    }
}
