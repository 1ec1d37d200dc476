namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>Each rule of RULES section 8 is necessary: without it the simulation finds a history that breaks a promise.</summary>
public class When_a_rule_is_broken(ITestOutputHelper output)
{
    private const int MostSeeds = 20_000;

    public static TheoryData<string> Rules => [.. Enum.GetNames<Broken>().Where(name => name != nameof(Broken.Nothing))];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Should_find_a_broken_promise(string rule)
    {
        var broken = Enum.Parse<Broken>(rule);
        var seed = Histories.FirstBroken(1, MostSeeds, broken);
        Assert.True(seed is not null, $"{MostSeeds} histories without the rule ({rule}), and no promise was broken: the check cannot fail, or the rule is not necessary.");
        output.WriteLine($"{rule}: found with seed {seed}");
        output.WriteLine(Histories.Tell(seed.Value, broken));
        // It is the missing rule that breaks it: with it, the same seed keeps every promise.
        Assert.Null(Histories.Run(Weather.Of(seed.Value)));
    }
}
