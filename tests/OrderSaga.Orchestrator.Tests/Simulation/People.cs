namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>The customer who submits and cancels, whoever pulls the plugs, and the operators who pause, resume and finish what is stuck.</summary>
internal sealed class People(World world)
{
    private const int MostTries = 200;
    private long ids = -1_000_000;

    public void Begin()
    {
        if (world.Weather.ByBus)
            world.After(0, SubmitByBus);
        else
            world.After(0, () => SubmitByHttp(tries: 4));
        if (world.Weather.Has(Troubles.Resubmissions))
            world.After(world.Dice.Roll(8 * 60_000), () => Resubmit());
        if (world.Weather.Has(Troubles.Cancels))
            world.After(world.Dice.Percent(30) ? world.Dice.Roll(20) : world.Dice.Percent(50) ? world.Dice.Roll(500) : world.Dice.Roll(360_000), Cancel);
        if (world.Weather.Has(Troubles.Pauses))
            world.After(world.Dice.Percent(70) ? world.Dice.Roll(200) : world.Dice.Roll(180_000), Pause);
        if (world.Weather.Has(Troubles.QueueLoss))
            for (var n = world.Dice.Between(1, 3); n > 0; n--)
                world.After(world.Dice.Percent(50) ? world.Dice.Roll(200) : world.Dice.Roll(240_000), world.Broker.LoseEverything);
        if (world.Weather.Has(Troubles.EarlyOperators))
            for (var n = 0; n < 6; n++)
                world.After(world.Dice.Between(60_000, 600_000), FinishOne);
    }

    /// <summary>Faults have stopped, participants are repaired: what is stuck is retried or resolved, in any order.</summary>
    public void FinishByHand()
    {
        world.Say("operators", $"repair the participants and finish what is stuck");
        foreach (var habits in world.Weather.Habits)
            habits.Heal();
        foreach (var step in world.Node.StuckList.ToArray())
            world.After(world.Dice.Roll(10_000), () => Finish(step));
    }

    private void SubmitByBus() => world.Broker.Send(new Message(Kind.Submit, -1, 0, --ids));

    // The client repeats, with its key, until it hears that the order was accepted; some day it gives up.
    private void SubmitByHttp(int tries)
    {
        if (world.IsBroken(Broken.AcceptsBeforeCommit))
            world.Promises.Accepted();
        if (world.Node.Row is not null || world.Node.Call(new Happening.Submitted()))
            world.Promises.Accepted();
        else if (tries > 1 && !world.IsBroken(Broken.AcceptsBeforeCommit))
            world.After(world.Dice.Between(1000, 5000), () => SubmitByHttp(tries - 1));
    }

    private void Resubmit()
    {
        world.Say("customer", $"submits the same order again");
        if (world.Weather.ByBus)
            SubmitByBus();
        else
            SubmitByHttp(1);
    }

    private void Cancel()
    {
        world.Say("customer", $"cancels");
        if (world.Weather.Forgetful || !world.Dice.Percent(60))
        {
            world.Node.Call(new Happening.Cancelled("CUSTOMER"));
            return;
        }

        var cancel = new Message(Kind.Cancel, -1, 0, --ids);
        world.Promises.CancelSent(cancel);
        world.Broker.Send(cancel);
    }

    private void Pause()
    {
        var paused = false;
        world.Node.Call(new Happening.Paused(), decision => paused = !decision.Denied);
        if (paused)
            world.After(world.Dice.Between(10, world.Dice.Percent(50) ? 2_000 : 200_000), () => Resume(MostTries));
    }

    private void Resume(int tries)
    {
        if (tries > 0 && !world.Node.Call(new Happening.Resumed()))
            world.After(1000, () => Resume(tries - 1));
    }

    private void FinishOne()
    {
        if (world.Now < world.Weather.Calm && world.Node.StuckList is [.., var step])
            Finish(step);
    }

    private void Finish(int step)
    {
        var name = world.Weather.Route[step].Name;
        if (world.Node.Row?.Steps[step] != StepStatus.Stuck)
            return;
        if (world.Dice.Percent(50))
        {
            Insist(new Happening.Retried(name), MostTries);
            return;
        }

        world.Participants[step].FixByHand();
        Insist(new Happening.Resolved(name, "seen to"), MostTries);
    }

    private void Insist(Happening happening, int tries)
    {
        if (tries > 0 && !world.Node.Call(happening))
            world.After(1000, () => Insist(happening, tries - 1));
    }
}
