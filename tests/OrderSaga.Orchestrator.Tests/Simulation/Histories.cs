using System.Text;

namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>Runs histories, and makes one that breaks a promise readable.</summary>
internal static class Histories
{
    /// <summary>The promise that this history breaks, if it breaks one.</summary>
    public static string? Run(Weather weather, List<string>? lines = null)
    {
        var world = new World(weather, lines);
        try
        {
            world.Run();
            return null;
        }
        catch (BrokenPromiseException e)
        {
            return e.Message;
        }
        catch (Exception e) when (e is InvalidOperationException or NullReferenceException or ArgumentException or IndexOutOfRangeException)
        {
            return $"a decision throws: {e}";
        }
    }

    /// <summary>All that the log says in these histories, with how many of them say it.</summary>
    public static Dictionary<string, int> Words(long from, long count)
    {
        Dictionary<string, int> words = [];
        for (var seed = from; seed < from + count; seed++)
        {
            var world = new World(Weather.Of(seed));
            world.Run();
            foreach (var word in world.Promises.Words)
                words[word] = words.GetValueOrDefault(word) + 1;
        }

        return words;
    }

    /// <summary>The first of the seeds whose history breaks a promise.</summary>
    public static long? FirstBroken(long from, long count, Broken broken = Broken.Nothing, Troubles without = Troubles.None)
    {
        for (var seed = from; seed < from + count; seed++)
            if (Run(Weather.Of(seed, broken, without)) is not null)
                return seed;
        return null;
    }

    /// <summary>What to read: the seed, the promise, and the simplest history that still breaks one, line by line.</summary>
    public static string Tell(long seed, Broken broken = Broken.Nothing, Troubles leaveOut = Troubles.None)
    {
        var (without, wellBehaved) = Simplify(seed, broken, leaveOut);
        var weather = Weather.Of(seed, broken, without, wellBehaved);
        List<string> lines = [];
        var promise = Run(weather, lines);
        var text = new StringBuilder()
            .AppendLine($"Seed {seed} breaks a promise: {promise}")
            .AppendLine($"Route {weather.Route}; {(weather.ByBus ? "submitted by bus" : "submitted by HTTP")}, {weather.Nodes} nodes{(weather.Forgetful ? ", forgetful transport" : "")}")
            .AppendLine($"Rule broken on purpose: {broken}; troubles that it needs: {weather.Troubles}")
            .AppendLine($"Again: Histories.Tell({seed}, Broken.{broken})");
        foreach (var line in lines)
            text.AppendLine(line);
        return text.ToString();
    }

    // Every family of troubles, and every participant's habits, that it does not need is left out.
    private static (Troubles Without, int WellBehaved) Simplify(long seed, Broken broken, Troubles leaveOut)
    {
        var (without, wellBehaved) = (leaveOut, 0);
        bool StillBreaks(Troubles w, int b) => Run(Weather.Of(seed, broken, w, b)) is not null;
        for (var round = 1; round <= 3; round++)
        {
            for (var family = 1; family < (int)Troubles.All; family <<= 1)
                if (StillBreaks(without | (Troubles)family, wellBehaved))
                    without |= (Troubles)family;
            for (var step = 0; step < 10; step++)
                if (StillBreaks(without, wellBehaved | (1 << step)))
                    wellBehaved |= 1 << step;
        }

        return (without, wellBehaved);
    }
}
