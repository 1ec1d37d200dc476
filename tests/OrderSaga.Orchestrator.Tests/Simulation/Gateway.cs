namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>The payment provider: idempotent by key, and with a ledger of its own. It knows no order, only keys.</summary>
internal sealed class Gateway(World world)
{
    private readonly List<(int Key, bool Charged)> ledger = [];
    private readonly List<int> refunds = [];

    public int Charges => ledger.Count(l => l.Charged);

    public int Refunds => refunds.Count;

    /// <summary>Whether it is charged; null when it is not known.</summary>
    public bool? Find(int key)
    {
        foreach (var (known, charged) in ledger)
            if (known == key)
                return charged;
        return null;
    }

    /// <summary>Charges; null when the answer is lost, whatever was done.</summary>
    public bool? Charge(int key, bool declines)
    {
        if (world.Strikes(Troubles.Gateway, 10))
        {
            world.Say("gateway", $"fails before charging {key}");
            return null;
        }

        var answer = Find(key);
        if (answer is null)
        {
            ledger.Add((key, !declines));
            answer = !declines;
            world.Say("gateway", $"{(declines ? "declines" : "charges")} {key}");
        }

        if (!world.Strikes(Troubles.Gateway, 10))
            return answer;
        world.Say("gateway", $"fails after charging {key}");
        return null;
    }

    /// <summary>Gives back what was charged; <paramref name="key"/> none: without idempotency.</summary>
    public bool Refund(int key, bool again = false)
    {
        if (world.Strikes(Troubles.Gateway, 10))
        {
            world.Say("gateway", $"fails before refunding {key}");
            return false;
        }

        if (again || !refunds.Contains(key))
        {
            refunds.Add(key);
            world.Say("gateway", $"refunds {key}");
        }

        return !world.Strikes(Troubles.Gateway, 10);
    }
}
