namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>The real decisions; and, where a rule of theirs is switched off, around them what a saga without it would decide.</summary>
internal sealed class Core(World world)
{
    private static readonly Patience Patience = new(3, TimeSpan.FromSeconds(10), [.. Enumerable.Range(1, 5).Select(n => TimeSpan.FromSeconds(1 << n))], TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5));

    private readonly Route route = world.Weather.Route;

    public Happening Read(Message message) => message.Kind switch
    {
        Kind.Submit => new Happening.Submitted(),
        Kind.Cancel => new Happening.Cancelled("CUSTOMER"),
        Kind.Done => new Happening.Done(route[message.Step].Name),
        Kind.Refused => new Happening.Refused(route[message.Step].Name, "NO"),
        Kind.Undone => new Happening.Undone(route[message.Step].Name, message.Nothing),
        Kind.TooLate => new Happening.TooLate(route[message.Step].Name, "HANDED_OVER"),
        Kind.Apologised => new Happening.Apologised(),
        Kind.StillAtWork => new Happening.StillAtWork(route[message.Step].Name, message.Until),
        Kind.Fault => new Happening.Faulted(message.About, "it throws"),
        _ => throw new InvalidOperationException($"{message} is not for the orchestrator."),
    };

    public Decision Decide(Progress? row, Happening happening)
    {
        var now = row ?? Progress.New(route);
        return world.Weather.Broken switch
        {
            Broken.Nothing => Real(now, happening),
            Broken.UndoesOnlyWhatWasSeen => WithoutDoubt(now, Real(now, happening)),
            Broken.NoTombstonesAndDeafToLateSuccess => Real(now, happening) is { Says: Said.Rearmed } ? Deaf(now) : Real(now, happening),
            Broken.TimersActAlways when happening is Happening.TimeUp => Real(now with { SagaDeadline = world.At }, new Happening.TimeUp(now.Token)),
            Broken.StuckCountsAsUndone => Real(now, happening) is { Stuck: { } stuck } ? Real(now, new Happening.Undone(route[stuck.Step].Name)) : Real(now, happening),
            Broken.FailedIsDeaf when now is { State: StateNames.Failed, Asked: null } && happening is Happening.Undone => Deaf(now),
            Broken.ForgetsThatItTold when StateNames.IsEnd(now.State) => Real(now with { Told = false }, happening),
            _ => Real(now, happening),
        };
    }

    private static Decision Deaf(Progress now) => new(now, Said.Ignored);

    private Decision Real(Progress now, Happening happening) => new Decider(route, Patience, world.At).Decide(now, happening);

    // What was not seen done is taken for not done.
    private Decision WithoutDoubt(Progress before, Decision decision)
    {
        while (decision.Asks is { Direction: Direction.Undo, Step: var step } && before.Steps[step] is not StepStatus.Undoing && !decision.After.WasSeen(step))
        {
            var next = Real(decision.After, new Happening.Undone(route[step].Name, Nothing: true));
            decision = next with { Says = decision.Says, Stuck = decision.Stuck, Settled = decision.Settled, Alert = decision.Alert };
        }

        return decision;
    }
}
