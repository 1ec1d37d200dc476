using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

/// <summary>A span as it came.</summary>
internal sealed record Span(string Process, string Scope, string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Tags);

/// <summary>What OTLP is sent to (HTTP, protobuf), and a payment gateway beside it, which keeps what comes with its calls.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly List<Span> spans = [];
    private readonly HashSet<string> metrics = [];

    private Collector(WebApplication app) => this.app = app;

    public string Address => app.Urls.Single();

    /// <summary>The headers of each call to the gateway.</summary>
    public List<Dictionary<string, string>> Calls { get; } = [];

    public string[] Arguments => ["--OTEL_EXPORTER_OTLP_ENDPOINT", Address, "--OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "--OTEL_BSP_SCHEDULE_DELAY", "100", "--OTEL_METRIC_EXPORT_INTERVAL", "500"];

    public IReadOnlyList<Span> Spans
    {
        get
        {
            lock (spans)
                return [.. spans];
        }
    }

    public IReadOnlyCollection<string> Metrics
    {
        get
        {
            lock (metrics)
                return [.. metrics];
        }
    }

    public static async Task<Collector> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration["Urls"] = "http://127.0.0.1:0";
        builder.Logging.ClearProviders();
        var collector = new Collector(builder.Build());
        collector.app.MapPost("/v1/traces", (HttpRequest request) => ReceiveAsync(request, collector.TakeTraces));
        collector.app.MapPost("/v1/metrics", (HttpRequest request) => ReceiveAsync(request, collector.TakeMetrics));
        collector.app.MapPost("/gateway/charges", (HttpRequest request) =>
        {
            lock (collector.Calls)
                collector.Calls.Add(request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()));
            return Results.Json(new { chargeId = $"ch_{Guid.NewGuid():n}", amount = 3.99, currency = "EUR", status = "charged" }, statusCode: 201);
        });
        collector.app.MapGet("/gateway/charges", () => Results.Json(Array.Empty<object>()));
        await collector.app.StartAsync(ct);
        return collector;
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private static async Task<IResult> ReceiveAsync(HttpRequest request, Action<byte[]> take)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        take(body.ToArray());
        return Results.Bytes([], "application/x-protobuf");
    }

    private void TakeTraces(byte[] body)
    {
        foreach (var resource in All(body, 1))
        {
            var process = Tags(All(resource, 1).Single(), 1)["service.instance.id"];
            foreach (var scope in All(resource, 2))
                foreach (var span in All(scope, 2))
                    lock (spans)
                        spans.Add(new(process, Text(All(scope, 1).Single(), 1), Hex(span, 1), Hex(span, 2), Hex(span, 4), Text(span, 5), Tags(span, 9)));
        }
    }

    private void TakeMetrics(byte[] body)
    {
        foreach (var name in All(body, 1).SelectMany(r => All(r, 2)).SelectMany(s => All(s, 2)).Select(m => Text(m, 1)))
            lock (metrics)
                metrics.Add(name);
    }

    private static Dictionary<string, string> Tags(byte[] message, int field) =>
        All(message, field).ToDictionary(tag => Text(tag, 1), tag => All(tag, 2).Select(value => Text(value, 1)).SingleOrDefault() ?? "");

    private static string Text(byte[] message, int field) => Encoding.UTF8.GetString(All(message, field).SingleOrDefault() ?? []);

    private static string Hex(byte[] message, int field) => Convert.ToHexStringLower(All(message, field).SingleOrDefault() ?? []);

    // Of protobuf only what is measured by its length is read: messages, texts and bytes.
    private static IEnumerable<byte[]> All(byte[] message, int field)
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            switch (key & 7)
            {
                case 0: Varint(message, ref at); break;
                case 1: at += 8; break;
                case 5: at += 4; break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    if ((int)(key >> 3) == field)
                        yield return message[at..(at + length)];
                    at += length;
                    break;
                default: throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"No wire type {key & 7}."));
            }
        }
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            value |= (ulong)(message[at] & 0x7f) << shift;
            if (message[at++] < 0x80)
                return value;
        }
    }
}
