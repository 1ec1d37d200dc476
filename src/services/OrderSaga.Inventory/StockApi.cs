using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Services;

/// <summary>What there is of a product.</summary>
internal static class StockApi
{
    private const long Most = 1_000_000_000_000;
    private const int MostTries = 8;

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/inventory/products/{id}", ReadAsync)
            .WithSummary("Read what there is of a product")
            .Answers(200, "What is on hand, reserved and available.", typeof(Product))
            .Refuses(404, "product-unknown", "there is no such product");
        app.MapPut("/inventory/products/{id}/stock", SetAsync).ForOperators()
            .WithSummary("Set the level of a product")
            .Accepts<Level>("application/json")
            .Answers(200, "The level is set.", typeof(Product))
            .Answers(201, "The product is new on the shelf.", typeof(Product))
            .Refuses(400, "level-invalid", "the level or the id is not one; `errors` names it")
            .Refuses(403, "operators-only", "only operators may do this")
            .Refuses(409, "stock-reserved", "more than that is reserved");
    }

    private static async Task<IResult> ReadAsync(string id, InventoryDb db, CancellationToken ct) =>
        await FindAsync(id, db, ct).ConfigureAwait(false) is { } product
            ? Results.Ok(product)
            : Problems.Of(404, "product-unknown", "There is no such product.", $"No product has the id {id}.");

    // A product that is not known yet is put on the shelf: there is no other way to get it there.
    private static async Task<IResult> SetAsync(string id, HttpRequest request, InventoryDb db, DatabaseOf<InventoryDb> database, CancellationToken ct)
    {
        var (level, refusal) = await JsonBody.ReadAsync<Level>(request, "level", ct).ConfigureAwait(false);
        if (level is null)
            return refusal!;
        if (Wrong(id, level) is { Count: > 0 } wrong)
            return Problems.Invalid("level", wrong);
        var onHand = level.OnHand!.Value;
        for (var attempt = 1; ; attempt++)
        {
            if (await db.TrySetAsync(id, onHand, ct).ConfigureAwait(false))
                return Results.Ok(await FindAsync(id, db, ct).ConfigureAwait(false));
            if (await FindAsync(id, db, ct).ConfigureAwait(false) is { } there && there.Reserved > onHand)
                return Problems.Of(409, "stock-reserved", "More than that is reserved.",
                    $"{there.Reserved} of {id} are held for orders, so the level cannot be {onHand}. Set at least {there.Reserved}, or wait until these orders have ended.");
            try
            {
                db.Add(new Stock { ProductId = id, OnHand = onHand });
                await db.SaveChangesAsync(ct).ConfigureAwait(false);
                return Results.Created($"/inventory/products/{Uri.EscapeDataString(id)}", await FindAsync(id, db, ct).ConfigureAwait(false));
            }
            catch (DbUpdateException e) when (attempt < MostTries && database.Value.IsConflict(e))
            {
                db.ChangeTracker.Clear(); // somebody else has just put it there
            }
        }
    }

    private static Dictionary<string, string[]> Wrong(string id, Level level)
    {
        var wrong = new Dictionary<string, string[]>();
        if (string.IsNullOrWhiteSpace(id) || id.Length > Stock.LongestProductId || id.Any(char.IsControl))
            wrong["id"] = [$"A product's id has 1 to {Stock.LongestProductId} characters."];
        if (level.OnHand is not (>= 0 and <= Most))
            wrong["onHand"] = [$"A level is a whole number from 0 to {Most}."];
        return wrong;
    }

    private static Task<Product?> FindAsync(string id, InventoryDb db, CancellationToken ct) => db.Stock.AsNoTracking().Where(s => s.ProductId == id)
        .Select(s => new Product(s.ProductId, s.OnHand, s.Reserved, s.OnHand - s.Reserved)).SingleOrDefaultAsync(ct);

    private sealed record Product(string ProductId, long OnHand, long Reserved, long Available);

    private sealed record Level(long? OnHand);
}
