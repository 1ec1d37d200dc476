using System.Runtime.CompilerServices;

namespace OrderSaga.Orchestrator.Tests.Telemetry;

/// <summary>Others filter and count by these: one that is changed breaks them. A new word of the log gets the next number.</summary>
public class When_event_ids_are_given
{
    [Fact]
    public async Task Should_be_the_ones_that_were_approved()
    {
        var given = Transition.Kinds.Values.Select(k => $"{k.Id.Id} {k.Id.Name} {k.Level}").Concat(new[] { Transition.Slow, Transition.NoLongerSlow }.Select(id => $"{id.Id} {id.Name}"));
        Assert.Equal(await File.ReadAllLinesAsync(Approved(), TestContext.Current.CancellationToken), given);
    }

    [Fact]
    public void Should_be_one_for_every_word_of_the_log() =>
        Assert.Equal(typeof(Said).GetFields().Select(f => (string)f.GetValue(null)!).Order(), Transition.Kinds.Keys.Order());

    private static string Approved([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "EventIds.txt");
}
