namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>Chance that repeats itself: the same seed throws the same numbers, on every machine (splitmix64).</summary>
internal sealed class Dice(long seed)
{
    private ulong state = (ulong)seed * 0x9E3779B97F4A7C15UL;

    /// <summary>0 or more, and less than <paramref name="sides"/>.</summary>
    public int Roll(int sides) => (int)((Next() >> 33) % (ulong)sides);

    public int Between(int low, int high) => low + Roll(high - low + 1);

    public bool Percent(int chance) => Roll(100) < chance;

    private ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
