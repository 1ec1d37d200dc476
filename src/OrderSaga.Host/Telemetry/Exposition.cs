using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace OrderSaga.Host.Telemetry;

/// <summary>
/// Writes what the meters say in the text format of Prometheus (0.0.4). Collected and added up by OpenTelemetry, as for OTLP, so that both
/// tell the same under the same names.
/// </summary>
internal sealed class Exposition : BaseExporter<Metric>
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly Lock turn = new();
    private readonly StringBuilder text = new();
    private BaseExportingMetricReader? reader;

    /// <summary>For the provider that it is added to.</summary>
    public MetricReader Reader => reader ??= new(this) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };

    /// <summary>All metrics as they stand now.</summary>
    public string Collect()
    {
        lock (turn)
        {
            text.Clear();
            Reader.Collect();
            return text.ToString();
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        foreach (var metric in batch)
            Write(metric);
        return ExportResult.Success;
    }

    private void Write(Metric metric)
    {
        var kind = metric.MetricType.IsHistogram() ? "histogram" : metric.MetricType.IsSum() ? "counter" : "gauge";
        text.Append("# HELP ").Append(metric.Name).Append(' ').Append(metric.Description.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)).Append('\n')
            .Append("# TYPE ").Append(metric.Name).Append(' ').Append(kind).Append('\n');
        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            if (metric.MetricType.IsHistogram())
                WriteBuckets(metric.Name, point);
            else
                Line(metric.Name, "", point.Tags, bound: null, Value(metric.MetricType, point));
        }
    }

    private void WriteBuckets(string name, in MetricPoint point)
    {
        var upTo = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            upTo += bucket.BucketCount;
            Line(name, "_bucket", point.Tags, double.IsPositiveInfinity(bucket.ExplicitBound) ? "+Inf" : Text(bucket.ExplicitBound), Text(upTo));
        }

        Line(name, "_sum", point.Tags, bound: null, Text(point.GetHistogramSum()));
        Line(name, "_count", point.Tags, bound: null, Text(point.GetHistogramCount()));
    }

    private void Line(string name, string suffix, ReadOnlyTagCollection tags, string? bound, string value)
    {
        text.Append(name).Append(suffix);
        var separator = '{';
        foreach (var tag in tags)
        {
            Label(separator, tag.Key, $"{tag.Value}");
            separator = ',';
        }

        if (bound is not null)
        {
            Label(separator, "le", bound);
            separator = ',';
        }

        text.Append(separator == '{' ? "" : "}").Append(' ').Append(value).Append('\n');
    }

    private void Label(char separator, string name, string value) => text.Append(separator).Append(name).Append("=\"")
        .Append(value.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)).Append('"');

    private static string Value(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum => Text(point.GetSumLong()),
        MetricType.DoubleSum => Text(point.GetSumDouble()),
        MetricType.LongGauge => Text(point.GetGaugeLastValueLong()),
        MetricType.DoubleGauge => Text(point.GetGaugeLastValueDouble()),
        _ => throw new NotSupportedException($"A metric of type {type} is not written yet."),
    };

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
