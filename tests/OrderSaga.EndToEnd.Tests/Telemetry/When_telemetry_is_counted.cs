using System.Globalization;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OrderSaga.Host.Telemetry;
using OrderSaga.Messaging.Telemetry;
using OrderSaga.Orchestrator;
using OrderSaga.Services;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

public class When_telemetry_is_counted
{
    private const int Many = 10_000;

    /// <summary>All metrics of a transition, collected as /metrics does; the log's line is written by who logs, if anybody does.</summary>
    [Fact]
    public void Should_cost_a_transition_next_to_nothing()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var exposition = new Exposition();
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter(Meters.Name).AddReader(exposition.Reader).Build();
        var transitions = new Transitions(services.GetRequiredService<IMeterFactory>(), [Inventory.Mailbox], NullLogger<Transitions>.Instance);
        for (var i = 0; i < Many; i++)
            Tell(transitions);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Many; i++)
            Tell(transitions);
        var bytes = (double)(GC.GetAllocatedBytesForCurrentThread() - before) / Many;

        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bytes:0} bytes per transition, its entry of the log included"));
        var told = MetricsText.Read(exposition.Collect());
        Assert.Equal(2 * Many, told["saga_step_duration_seconds_count"]["""{service="inventory",step="ReserveInventory"}"""]);
        Assert.InRange(bytes, 1, 600);
    }

    private static void Tell(Transitions transitions)
    {
        var stand = new Transition.Stand("OrderCreated", "awaiting", "ReserveInventory", 1);
        transitions.Tell(
            new() { Was = stand, Is = stand, Took = TimeSpan.FromMilliseconds(20) },
            new() { Status = "done", Step = "ReserveInventory", Direction = "do", Key = "saga:01a1ffae-7236-7739-a263-021c3ff4e391:ReserveInventory" });
    }
}
