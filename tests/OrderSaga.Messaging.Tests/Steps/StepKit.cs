using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>A participant with one step in its own database and one outside of it, on one or more nodes.</summary>
public abstract class StepKit<TServer>(TServer server) : IClassFixture<TServer>, IAsyncLifetime
    where TServer : Server
{
    /// <summary>A little more than a call may take.</summary>
    protected static TimeSpan Lease { get; } = TimeSpan.FromSeconds(11);

    private readonly List<StepNode> nodes = [];
    private World world = null!;

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected Guid OrderId { get; } = Guid.NewGuid();

    private protected World World => world;

    private protected TestGateway Gateway => world.Gateway;

    private protected StepNode One => nodes[0];

    private protected StepNode Two => nodes[1];

    private protected TakeMoney TakeMoney => new(OrderId, 798);

    private protected GiveBack GiveBack => new(OrderId);

    public virtual async ValueTask InitializeAsync()
    {
        world = World.On(server);
        await StartAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        world?.Gateway.GoOn();
        foreach (var node in nodes)
            await node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected async Task<StepNode> StartAsync(bool looksByItself = false)
    {
        var node = await StepNode.StartAsync(world, looksByItself);
        nodes.Add(node);
        return node;
    }

    protected void Advance(TimeSpan by) => world.Clock.Advance(by);

    /// <summary>What the step log says: the do first, then the undo.</summary>
    protected async Task<string> LogAsync(Guid? orderId = null, string step = nameof(TakeMoney))
    {
        await using var db = server.Open();
        return string.Join(", ", await db.Log.Where(e => e.OrderId == (orderId ?? OrderId) && e.Step == step).OrderBy(e => e.Undo).Select(e => e.Status).ToListAsync(Ct));
    }

    /// <summary>What our own tables hold for the order, and how much of it was given back.</summary>
    protected async Task<string> HeldAsync(Guid? orderId = null)
    {
        await using var db = server.Open();
        return string.Join(", ", await db.Held.Where(h => h.OrderId == (orderId ?? OrderId)).Select(h => $"{h.Amount} {h.What}{(h.Backs == 0 ? "" : h.Backs == 1 ? " back" : $" back {h.Backs} times")}").ToListAsync(Ct));
    }

    /// <summary>The intents that somebody holds or should look at.</summary>
    protected async Task<int> OpenAsync()
    {
        await using var db = server.Open();
        return await db.Intents.CountAsync(i => i.OrderId == OrderId && i.Due != null, Ct);
    }

    private protected static async Task<T> HearAsync<T>(Task<Answer?> answer) => Assert.IsType<T>((await answer)?.Message);

    private protected static async Task HearNothingAsync(Task<Answer?> answer) => Assert.Null(await answer);

    private protected static async Task HearFaultAsync<T>(Task<Answer?> answer)
        where T : Exception
        => Assert.StartsWith(typeof(T).FullName!, (await Assert.ThrowsAsync<FaultException>(() => answer)).Message, StringComparison.Ordinal);

    /// <summary>A process dies while it calls; its command was not acknowledged.</summary>
    private protected async Task DieInCallAsync(StepNode node, object command, Habit habit, Guid? commandId = null)
    {
        Gateway.Does(OrderId, habit);
        var before = Gateway.Asked(OrderId);
        node.Ask(command, commandId);
        await World.Signal.UntilAsync(() => Gateway.Asked(OrderId) != before, "the call begins");
        if (habit == Habit.IsLostAfter)
            await World.Signal.UntilAsync(() => Gateway.HasDone(OrderId, command.GetType()), "the call lands");
        await node.DisposeAsync();
    }
}
