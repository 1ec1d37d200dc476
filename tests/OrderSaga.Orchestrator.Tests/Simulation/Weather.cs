namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>All that a seed decides before a history begins: the order's route, what may go wrong, and how every participant behaves.</summary>
internal sealed class Weather
{
    private static readonly TimeSpan StepTime = TimeSpan.FromSeconds(60);
    private static readonly string[] Steps = ["CreateOrder", "ReserveInventory", "FreezePrice", "WrapGift", "CheckFraud"];
    private static readonly Route[] Routes = [.. Enumerable.Range(0, 20).Select(n => Make(1 + (n % 5), shippingFirst: n / 5 % 2 == 1, turnsBack: n >= 10))];

    private Weather(long seed, Route route, Dice dice, Troubles troubles)
    {
        (Seed, Route, Dice, Troubles) = (seed, route, dice, troubles);
        Payment = route.IndexOf("ChargePayment");
        Shipping = route.IndexOf("CreateShipment");
    }

    public long Seed { get; }

    public Dice Dice { get; }

    public Route Route { get; }

    public Troubles Troubles { get; }

    public Broken Broken { get; private init; }

    public int Payment { get; }

    public int Shipping { get; }

    public int Nodes { get; private init; }

    /// <summary>An in-memory transport: its messages die with the one process.</summary>
    public bool Forgetful { get; private init; }

    public bool ByBus { get; private init; }

    /// <summary>From here on nothing happens by chance any more; what takes a number of tries still does.</summary>
    public long Calm { get; private init; }

    /// <summary>By step; the last is the apology's.</summary>
    public Habits[] Habits { get; private init; } = [];

    public bool IsHealthy => Troubles == Troubles.None;

    public bool Has(Troubles trouble) => (Troubles & trouble) != 0;

    /// <param name="seed">Decides everything.</param>
    /// <param name="broken">The rule that does not hold.</param>
    /// <param name="without">Troubles that are left out though the seed has them, to make a history simpler.</param>
    /// <param name="wellBehaved">Steps, by bit, that behave well though the seed has them misbehave.</param>
    public static Weather Of(long seed, Broken broken = Broken.Nothing, Troubles without = Troubles.None, int wellBehaved = 0)
    {
        var dice = new Dice(seed);
        // A healthy day now and then; else each family in a third of the histories.
        var troubles = Troubles.None;
        var often = dice.Roll(20) is 0 ? 0 : dice.Between(10, 60);
        for (var family = 1; family < (int)Troubles.All; family <<= 1)
            if (dice.Percent(often))
                troubles |= (Troubles)family;
        troubles &= ~without;
        var route = Routes[dice.Roll(5) + (dice.Percent(20) ? 5 : 0) + (broken == Broken.ConfirmationTurnsBack ? 10 : 0)];
        var forgetful = dice.Percent(15);
        var nodes = dice.Between(1, 3);
        var byBus = dice.Percent(40);
        var weather = new Weather(seed, route, dice, troubles)
        {
            Broken = broken,
            Forgetful = forgetful,
            Nodes = forgetful ? 1 : nodes,
            ByBus = byBus && !forgetful,
            Calm = dice.Between(1, 20) * World.Minute,
            Habits = new Habits[route.Count + 1],
        };
        // On a slow day every single step is in time, and the whole order is not.
        var slow = (troubles & Troubles.LateAnswers) != 0 && dice.Percent(20);
        for (var i = 0; i <= route.Count; i++)
        {
            var habits = Simulation.Habits.Roll(dice, troubles, route, i, slow);
            weather.Habits[i] = (wellBehaved & (1 << i)) == 0 ? habits : new Habits();
        }

        return weather;
    }

    private static Route Make(int others, bool shippingFirst, bool turnsBack)
    {
        string[] last = shippingFirst ? ["CreateShipment", "ChargePayment"] : ["ChargePayment", "CreateShipment"];
        RouteStep[] rows = [.. Steps.Take(others).Concat(last).Select(name => new RouteStep(name, $"{name}Done", $"Undo{name}", StepTime)),
            new RouteStep("SendConfirmation", "ConfirmationSent", turnsBack ? "UnsendConfirmation" : null, StepTime)];
        return new(rows);
    }
}

/// <summary>How one participant behaves; whatever is counted, is used up.</summary>
internal sealed class Habits
{
    public const int ForGood = int.MaxValue;

    public bool Refuses { get; init; }

    public int Silences { get; set; }

    /// <summary>It does what it is silent about.</summary>
    public bool DoesInSilence { get; init; }

    public int Faults { get; set; }

    public int AnswersAfter { get; init; }

    public bool AnswersTwice { get; init; }

    /// <summary>How long it is at work, with beats.</summary>
    public int WorksFor { get; init; }

    public int UndoSilences { get; set; }

    public bool UndoesInSilence { get; init; }

    public int UndoFaults { get; set; }

    public bool TooLate { get; set; }

    public static Habits Roll(Dice dice, Troubles troubles, Route route, int step, bool slow)
    {
        bool Has(Troubles trouble, int chance) => (troubles & trouble) != 0 && dice.Percent(chance);
        // What is asked until it is answered must answer some day.
        var insisted = step == route.Count || route[step].PastReturn;
        int Count(int most) => insisted || dice.Percent(70) ? dice.Between(1, most) : ForGood;
        return new()
        {
            Refuses = step < route.Count && Has(Troubles.Refusals, insisted ? 5 : 15),
            Silences = Has(Troubles.Silences, 20) ? Count(4) : 0,
            DoesInSilence = dice.Percent(50),
            Faults = Has(Troubles.Faults, 10) ? Count(2) : 0,
            AnswersAfter = slow ? dice.Between(35, 58) * 1000 : Has(Troubles.LateAnswers, 25) ? dice.Between(1, 300) * 1000 : 0,
            AnswersTwice = Has(Troubles.DoubleAnswers, 40),
            WorksFor = !insisted && Has(Troubles.Heartbeats, 20) ? dice.Between(10, 900) * 1000 : 0,
            UndoSilences = Has(Troubles.BadUndos, 25) ? Count(6) : 0,
            UndoesInSilence = dice.Percent(50),
            UndoFaults = Has(Troubles.BadUndos, 25) ? Count(6) : 0,
            TooLate = step < route.Count && route[step].Name == "CreateShipment" && Has(Troubles.TooLate, 70),
        };
    }

    /// <summary>An operator repaired the participant.</summary>
    public void Heal() => (Silences, Faults, UndoSilences, UndoFaults, TooLate) = (0, 0, 0, 0, false);
}
