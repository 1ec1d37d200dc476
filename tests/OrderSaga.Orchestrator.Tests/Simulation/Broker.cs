namespace OrderSaga.Orchestrator.Tests.Simulation;

internal enum Kind
{
    Submit,
    Cancel,
    Do,
    Undo,
    Apology,
    Done,
    Refused,
    Undone,
    TooLate,
    Apologised,
    StillAtWork,
    Fault,
    Ended,
}

/// <summary>A message. The token of a command names the ask, and so does its id; an answer's id derives from its command's.</summary>
internal sealed record Message(Kind Kind, int Step, int Token, long Id)
{
    public bool Nothing { get; init; }

    public DateTimeOffset Until { get; init; }

    /// <summary>What a fault is the fault of, what an ending ends as.</summary>
    public string About { get; init; } = "";

    public int Deliveries { get; set; }

    public bool IsCommand => Kind is Kind.Do or Kind.Undo or Kind.Apology;

    public static Message Ask(Asked asked, int token) => new(asked.Direction switch
    {
        Direction.Do => Kind.Do,
        Direction.Undo => Kind.Undo,
        _ => Kind.Apology,
    }, asked.Step, token, (token * 16L) + 1);

    public Message Answer(Kind kind) => new(kind, Step, Token, (Id * 16) + (long)kind);

    public override string ToString() => $"{Kind} {(Step >= 0 ? $"step {Step} " : "")}{About}{(Nothing ? " (nothing to undo)" : "")} [token {Token}]";
}

/// <summary>At least once, at some time, in any order; and a broker can lose everything.</summary>
internal sealed class Broker(World world)
{
    private int epoch;

    /// <summary>Everything that was in the queues at some time is gone.</summary>
    public bool LostMessages { get; private set; }

    public void Send(Message message)
    {
        world.Promises.Sent(message);
        if (message.Kind == Kind.Ended)
            return;
        Deliver(message, Latency());
        if (world.Strikes(Troubles.Duplicates, 15))
            Deliver(message, Latency() + (world.Dice.Percent(50) ? world.Dice.Roll(100) : world.Dice.Roll(400 * 1000)));
    }

    /// <summary>It was not acknowledged.</summary>
    public void Redeliver(Message message, long after) => Deliver(message, after);

    /// <summary>Somebody deletes all queues.</summary>
    public void LoseEverything()
    {
        epoch++;
        LostMessages = true;
        world.Say("broker", $"loses all messages");
    }

    /// <summary>The message cannot be handled: its sender hears of it.</summary>
    public void Fault(Message message) => Send(message.Answer(Kind.Fault) with { About = world.Node.ActionOf(message) });

    private void Deliver(Message message, long after)
    {
        var sent = epoch;
        world.After(after, () =>
        {
            if (sent == epoch)
                Arrive(message);
        });
    }

    private void Arrive(Message message)
    {
        message.Deliveries++;
        if (message.IsCommand)
        {
            if (world.Strikes(Troubles.DeadLetters, 3))
            {
                world.Say("broker", $"dead letter: {message}");
                Fault(message);
                return;
            }

            world.Participants[message.Step].Hear(message);
            return;
        }

        if (message.Kind is not Kind.Submit && world.Strikes(Troubles.DeadLetters, 2))
        {
            world.Say("broker", $"dead letter: {message}");
            world.Promises.CancelSettled(message);
            return;
        }

        world.Node.Hear(message);
    }

    private long Latency() => world.Strikes(Troubles.Delays, 15)
        ? world.Dice.Percent(70) ? world.Dice.Roll(20 * 1000) : world.Dice.Roll(300 * 1000)
        : 2 + world.Dice.Roll(5);
}
