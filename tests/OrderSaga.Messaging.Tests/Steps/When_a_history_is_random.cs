using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>
/// Whatever happens to an order (duplicates, redeliveries, undos, errors, silence, late landings, the end of processes), in the end the
/// step log, our own tables and the gateway's ledger say the same: charged once, or not at all. ORDERSAGA_TEST_LONG=1 for ten times as many.
/// </summary>
public abstract class When_a_history_is_random<TServer>(TServer server) : StepKit<TServer>(server)
    where TServer : Server
{
    private const int Orders = 100, Rounds = 14;
    private static readonly TimeSpan[] Pauses = [TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromSeconds(3), Lease, TimeSpan.FromSeconds(70)];
    private static readonly Habit[] Troubles = [Habit.FailsBefore, Habit.IsAway, Habit.FailsAfter, Habit.StandsStill, Habit.StandsStill, Habit.IsLost, Habit.IsLost, Habit.IsLostAfter];

    private readonly Dictionary<Guid, History> histories = [];
    private readonly List<(History Of, StepNode Node, Ask Ask)> asks = [];
    private readonly List<Task> looks = [];
    private readonly List<StepNode> living = [];
    private readonly List<StepNode> all = [];
    private Random dice = null!;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? 30 : 3)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Should_end_with_one_effect_or_none(int seed)
    {
        dice = new Random(seed);
        Join(One);
        Join(Two);
        for (var i = 0; i < Orders; i++)
        {
            var order = NewId();
            histories[order] = new(order, IsDeclined: i % 20 == 0);
        }

        for (var round = 0; round < Rounds; round++)
            await HappenAsync();
        await CalmAsync();
        await DecideAsync();
        await LookUntilNothingIsLeftAsync();
        var endings = new HashSet<Ending>();
        foreach (var history in histories.Values)
            endings.Add(await CheckAsync(history));
        // A check that meets only the easy endings is none.
        Assert.Superset(new HashSet<Ending>([Ending.Done, Ending.Undone, Ending.NothingToUndo, Ending.UndoneLate]), endings);
    }

    private async Task HappenAsync()
    {
        Gateway.IsLookUpAway = dice.Next(5) == 0;
        foreach (var history in histories.Values)
            Happen(history);
        asks.RemoveAll(a => a.Ask.Handled.Task.IsCompleted);
        await World.Signal.UntilAsync(
            () => !asks.Exists(IsUnderWay),
            () => $"every ask is handled, or waits for the gateway:\n{string.Join('\n', asks.Where(IsUnderWay).Select(a => Tell(a.Of)))}");
        if (dice.Next(3) == 0)
            looks.AddRange(living.Select(node => node.LookAsync()));
        Advance(Pauses[dice.Next(Pauses.Length)]);
        if (dice.Next(4) == 0)
            await DieAsync(living[dice.Next(living.Count)]);
    }

    private void Happen(History history)
    {
        var isTrouble = dice.Next(10) < 7;
        var trouble = Troubles[dice.Next(Troubles.Length)];
        var happens = dice.Next(16);
        if (happens < 7 && isTrouble)
        {
            Gateway.Does(history.OrderId, trouble);
            history.Story.Add($"the gateway {trouble}");
        }

        switch (happens)
        {
            case < 4:
                Ask(history, history.Take, NewId());
                break;
            case 4 when history.Takes is [_, ..] before:
                Ask(history, history.Take, before[dice.Next(before.Count)]);
                break;
            case 5 or 6 when history.Takes is [_, ..] || dice.Next(10) == 0:
                Ask(history, new GiveBack(history.OrderId), NewId());
                break;
            case 7:
                Gateway.Lands(history.OrderId);
                history.Story.Add("what was lost lands");
                break;
            case 8:
                Gateway.GoOn(history.OrderId);
                history.Story.Add("who stood still goes on");
                break;
        }
    }

    private void Ask(History history, object command, Guid id)
    {
        if (command is TakeMoney)
            history.Takes.Add(id);
        history.Story.Add($"{command.GetType().Name} {id}");
        var node = living[dice.Next(living.Count)];
        asks.Add((history, node, node.Ask(command, id)));
    }

    private bool IsUnderWay((History Of, StepNode Node, Ask Ask) ask) => !ask.Ask.Handled.Task.IsCompleted && !Gateway.KeepsWaiting(ask.Of.OrderId);

    // A process that stands still cannot be stopped: it is not asked any more, and may wake up later.
    private async Task DieAsync(StepNode node)
    {
        living.Remove(node);
        Join(await StartAsync());
        foreach (var history in histories.Values)
            history.Story.Add("a node dies");
        if (histories.Keys.Any(Gateway.IsStandingStill))
            return;
        await node.DisposeAsync();
        asks.RemoveAll(a => a.Node == node);
    }

    private void Join(StepNode node)
    {
        living.Add(node);
        all.Add(node);
    }

    private async Task CalmAsync()
    {
        Gateway.Behaves();
        Gateway.IsLookUpAway = false;
        Gateway.GoOn();
        foreach (var order in histories.Keys.Where(_ => dice.Next(2) == 0))
            Gateway.Lands(order);
        Advance(Lease);
        await World.Signal.UntilAsync(() => !histories.Keys.Any(Gateway.KeepsWaiting), "nobody waits for the gateway");
        await Task.WhenAll(looks);
    }

    // The orchestrator asks until it is answered: for the step, or for its undo. What was lost may land even after that.
    private async Task DecideAsync()
    {
        foreach (var history in histories.Values)
        {
            object wish = dice.Next(2) == 0 ? history.Take : new GiveBack(history.OrderId);
            while (await living[dice.Next(living.Count)].AskAsync(wish) is null)
                Advance(Lease);
            Gateway.Lands(history.OrderId);
        }
    }

    private async Task LookUntilNothingIsLeftAsync()
    {
        for (var hour = 0; hour < 30; hour++)
        {
            Advance(TimeSpan.FromHours(1));
            await Task.WhenAll(living.Select(node => node.LookAsync()));
        }
    }

    private async Task<Ending> CheckAsync(History history)
    {
        var order = history.OrderId;
        var (log, held, net) = (await LogAsync(order), await HeldAsync(order), Gateway.Net(order));
        Ending? ending = (log, held, net) switch
        {
            ("done", "798 money", 1) => Ending.Done,
            ("done, undone", "798 money back", 0) => Ending.Undone,
            ("refused" or "refused, nothing to undo", "", 0) when history.IsDeclined => Ending.Refused,
            ("barred, nothing to undo", "", 0) => Ending.NothingToUndo,
            ("barred, nothing to undo", "798 money back", 0) => Ending.UndoneLate,
            _ => null,
        };
        var told = $"{order}: '{log}', '{held}', the gateway has {net}; {Tell(history)}";
        Assert.True(ending is not null, told);
        Assert.True(Gateway.Keys(order).Count <= 2, told);
        Assert.True(World.Reports.Errors.Any(e => e.Contains(order.ToString(), StringComparison.Ordinal)) == ending is Ending.UndoneLate, $"Reported exactly if it was late: {told}");

        var said = all.SelectMany(n => n.Said).Where(a => a.Headers[SagaHeaders.SagaId].Equals(order.ToString())).ToList();
        Assert.True(said.Exists(a => a.Message is MoneyGivenBack { NothingToUndo: false }) == ending is Ending.Undone or Ending.UndoneLate, $"Said exactly if money went back: {told}");
        Assert.True(said.Where(a => a.Message is MoneyTaken).DistinctBy(a => a.Body).Count() <= 1, $"One charge: {told}");
        Assert.All(history.Takes, id =>
        {
            Guid[] ids = [MessageId.Derive(id, nameof(MoneyTaken)), MessageId.Derive(id, nameof(MoneyRefused))];
            Assert.True(said.Where(a => ids.Contains(a.Id)).DistinctBy(a => a.Body).Count() <= 1, $"One answer to {id}: {told}");
        });
        return ending.Value;
    }

    private string Tell(History history) => $"the gateway heard {Gateway.Asked(history.OrderId)}\n{string.Join('\n', history.Story)}\n";

    private Guid NewId()
    {
        var bytes = new byte[16];
        dice.NextBytes(bytes);
        return new(bytes);
    }

    private enum Ending
    {
        Done,
        Undone,
        Refused,
        NothingToUndo,
        UndoneLate,
    }

    private sealed record History(Guid OrderId, bool IsDeclined)
    {
        public TakeMoney Take { get; } = new(OrderId, IsDeclined ? TestGateway.Limit + 1 : 798);

        /// <summary>The ids of the commands for it.</summary>
        public List<Guid> Takes { get; } = [];

        public List<string> Story { get; } = [];
    }
}

public sealed class When_a_history_is_random_on_PostgreSQL(OnPostgres server) : When_a_history_is_random<OnPostgres>(server);

public sealed class When_a_history_is_random_on_SQL_Server(OnSqlServer server) : When_a_history_is_random<OnSqlServer>(server);
