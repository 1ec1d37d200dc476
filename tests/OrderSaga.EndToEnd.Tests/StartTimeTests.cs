using System.Diagnostics;
using System.Globalization;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

public class When_nothing_is_configured
{
    // On a quiet machine the time is less than the processor's time allows for: 20 s and 5 s are promised. A busy machine stretches the
    // one, hardly the other.
    private static readonly TimeSpan First = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(8);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_ready_soon_and_sooner_the_second_time()
    {
        await using var place = new EmbeddedPlace();
        var first = await StartAsync(place);
        var second = await StartAsync(place);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"first start {first.Time.TotalSeconds:0.0} s (processor {first.Cpu.TotalSeconds:0.0} s), second {second.Time.TotalSeconds:0.0} s ({second.Cpu.TotalSeconds:0.0} s)"));
        Assert.True(first.Cpu < First, $"The first start took {first.Cpu} of the processor.");
        Assert.True(second.Cpu < Second, $"The second start took {second.Cpu} of the processor.");
        Assert.True(second.Cpu < first.Cpu * 1.1, $"The second start took {second.Cpu} of the processor, the first {first.Cpu}.");
    }

    [Theory]
    [InlineData("MassTransit")]
    [InlineData("Microsoft.EntityFrameworkCore")]
    [InlineData("Npgsql")]
    public void Should_find_its_packages_compiled_for_this_machine(string package)
    {
        using var file = new PEReader(File.OpenRead(Path.Combine(Path.GetDirectoryName(Repository.Program)!, package + ".dll")));
        Assert.Equal((OperatingSystem.IsLinux(), RuntimeInformation.OSArchitecture) == (true, Architecture.X64), file.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0);
    }

    private static async Task<(TimeSpan Time, TimeSpan Cpu)> StartAsync(Place place)
    {
        var watch = Stopwatch.StartNew();
        await using var shop = await Shop.StartAsync(place, Ct);
        return (watch.Elapsed, shop.Cpu);
    }
}
