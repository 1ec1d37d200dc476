using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web;

/// <summary>
/// The description of all that this process shows by HTTP, at /openapi/v1.json. An endpoint is in it by being there: what it does not say
/// (<see cref="Describe"/>) is made from its name and path.
/// </summary>
internal static class OpenApi
{
    private const string Problem = "Problem", ProblemJson = "application/problem+json";

    private static readonly Refusal[] OfAll =
    [
        new(429, "too-many-requests", "the client asks more often than `Web:RequestsPerSecond` or `Web:OrdersPerSecond` allows; `Retry-After` says when to come back"),
        new(503, "database-away", "the database does not answer; `Retry-After` says when to come back"),
    ];

    private static readonly Refusal[] OfOperators = [new(403, "operators-only", "only operators may do this")];

    private static readonly (string Path, string Name, string What)[] Tags =
    [
        ("orders", "Orders", "Place an order, and see it through."),
        ("ops", "Operators", "For those who look after the shop."),
        ("inventory", "Inventory", "What there is of a product."),
        ("shipping", "Shipping", "The parcels."),
        ("notification", "Notification", "What customers were told."),
    ];

    public static void AddDescription(this IServiceCollection services)
    {
        // Numbers are numbers: otherwise each would be described as a number or a text.
        services.Configure<JsonOptions>(json => json.SerializerOptions.NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.Strict);
        services.AddOpenApi(options =>
        {
            // The gateway simulator stands for somebody else's API.
            options.ShouldInclude = endpoint => endpoint.RelativePath is { } path && !path.StartsWith("gateway/", StringComparison.Ordinal);
            options.AddDocumentTransformer((document, _, _) => Done(() => Introduce(document)));
            options.AddOperationTransformer((operation, context, _) => Done(() => Complete(operation, context)));
            options.AddSchemaTransformer((schema, context, _) => Done(() => Shapes.Narrow(schema, context)));
        });
    }

    public static void MapDescription(this IEndpointRouteBuilder app) => app.MapOpenApi();

    private static void Introduce(OpenApiDocument document)
    {
        document.Info = new()
        {
            Title = "OrderSaga",
            Version = "v1",
            Description = "The checkout: an order is taken in, goes through its steps, and is undone where one of them is refused. What goes wrong is said as a problem (RFC 9457).",
        };
        // It is where it was read from.
        document.Servers = [];
        var used = document.Paths.Keys.Select(TagOf).ToHashSet();
        document.Tags = new HashSet<OpenApiTag>(Tags.Where(t => used.Contains(t.Name)).Select(t => new OpenApiTag { Name = t.Name, Description = t.What }));
        document.AddComponent(Problem, Shapes.Problem());
    }

    private static void Complete(OpenApiOperation operation, OpenApiOperationTransformerContext context)
    {
        var (api, metadata) = (context.Description, context.Description.ActionDescriptor.EndpointMetadata);
        var path = $"/{api.RelativePath}";
        operation.Tags = new HashSet<OpenApiTagReference> { new(TagOf(path), context.Document) };
        operation.Summary ??= SummaryOf(api);
        operation.Responses ??= [];
        var refusals = metadata.OfType<Refusal>().Concat(path.StartsWith("/ops/", StringComparison.Ordinal) ? OfOperators : []).Concat(OfAll);
        foreach (var status in refusals.GroupBy(r => r.Status).OrderBy(g => g.Key))
            operation.Responses[Text(status.Key)] = new OpenApiResponse
            {
                Description = string.Join(" ", status.Select(r => $"`{r.Type}`: {r.When}.")),
                Content = new Dictionary<string, OpenApiMediaType> { [ProblemJson] = new() { Schema = new OpenApiSchemaReference(Problem, context.Document) } },
            };
        foreach (var bare in metadata.OfType<BareAnswer>())
            operation.Responses[Text(bare.Status)] = new OpenApiResponse { Description = bare.When };
        foreach (var header in metadata.OfType<HeededHeader>())
            (operation.Parameters ??= []).Add(new OpenApiParameter
            {
                Name = header.Name,
                In = ParameterLocation.Header,
                Description = header.What,
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                Example = header.Example is null ? null : JsonValue.Create(header.Example),
            });
        foreach (var header in metadata.OfType<SentHeader>())
            foreach (var status in header.With)
                if (operation.Responses.GetValueOrDefault(Text(status)) is OpenApiResponse response)
                    (response.Headers ??= new Dictionary<string, IOpenApiHeader>())[header.Name] =
                        new OpenApiHeader { Description = header.What, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };
        if (operation.OperationId == Examples.Of && operation.RequestBody?.Content?.Values.FirstOrDefault() is { } body)
            body.Examples = Examples.All.ToDictionary(e => e.Name, IOpenApiExample (e) => new OpenApiExample { Summary = $"{e.What} With `Prefer: wait`: {Text(e.Status)}.", Value = JsonNode.Parse(e.Body) });
    }

    private static string TagOf(string path)
    {
        var first = path.Split('/')[1];
        return Array.Find(Tags, t => t.Path == first).Name ?? first;
    }

    private static string SummaryOf(ApiDescription api) => $"{api.HttpMethod} {api.RelativePath}";

    private static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);

    private static Task Done(Action act)
    {
        act();
        return Task.CompletedTask;
    }
}
