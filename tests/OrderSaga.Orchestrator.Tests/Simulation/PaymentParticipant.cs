namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>The participant that calls the outside world: an intent with a lease first, then the call with the step's key, then the outcome.</summary>
internal sealed class PaymentParticipant(World world, int step) : Participant(world, step)
{
    private const long Lease = 15 * World.Second, LookAgain = World.Minute;
    private int key = 1;
    private int intentKey;
    private long leasedUntil = -1;
    private int lateRefunds;

    private bool HasIntent => leasedUntil >= 0;

    public override void FixByHand()
    {
        // Whatever our own books say.
        while (World.Gateway.Find(intentKey) is true && !World.Gateway.Refund(intentKey))
            World.Say(Name, $"is looked after by hand");
        base.FixByHand();
    }

    protected override void Do(Message ask, bool silent)
    {
        if (Did is not null && !World.IsBroken(Broken.DoesTwice))
        {
            base.Do(ask, silent);
            return;
        }

        if (!World.IsBroken(Broken.NoIntent))
        {
            if (World.Now < leasedUntil)
            {
                World.Say(Name, $"meets a live intent");
                return;
            }

            if (Crashes(ask, "before its intent"))
                return;
            World.Say(Name, $"writes its intent");
            leasedUntil = World.Now + Lease;
        }

        if (World.IsBroken(Broken.KeyPerDelivery))
            key++;
        intentKey = key;
        if (!Crashes(ask, "between intent and call"))
            Call(ask, silent, intentKey, tries: 3);
    }

    protected override void Undo(Message ask, bool silent)
    {
        if (Undid is null && Did is null && HasIntent)
        {
            if (World.Now < leasedUntil)
            {
                World.Say(Name, $"meets a live intent at the undo");
                return;
            }

            // It never assumes that nothing happened: the gateway knows.
            var charged = World.Gateway.Find(intentKey);
            World.Say(Name, $"asks the gateway about its abandoned intent: {charged?.ToString() ?? "unknown"}");
            if (charged is { } known)
                Record(known);
            else
                World.After(LookAgain, RefundLateCharge);
        }

        if (Did == Kind.Done && (Undid is null || World.IsBroken(Broken.UndoesTwice)))
        {
            if (!World.Gateway.Refund(intentKey, again: World.IsBroken(Broken.UndoesTwice)))
            {
                World.Broker.Redeliver(ask, 2 * World.Second);
                return;
            }

            if (Crashes(ask, "between refund and outcome"))
                return;
        }

        base.Undo(ask, silent);
    }

    private void Call(Message ask, bool silent, int with, int tries)
    {
        // A process may be stopped for longer than its lease just before it calls.
        var stall = World.Strikes(Troubles.Gateway, 10) ? 25 * World.Second : 0;
        World.After(stall + World.Dice.Between(5, 50), () =>
        {
            var charged = World.Gateway.Charge(with, Habits.Refuses);
            if (Crashes(ask, "between call and outcome"))
                return;
            if (charged is { } known)
            {
                World.After(World.Dice.Between(1, 20), () => Outcome(ask, silent, known));
            }
            else if (tries > 1)
            {
                if (leasedUntil > World.Now)
                    leasedUntil = World.Now + Lease;
                World.After(World.Second, () => Call(ask, silent, with, tries - 1));
            }
            else
            {
                World.Broker.Redeliver(ask, 5 * World.Second);
            }
        });
    }

    private void Outcome(Message ask, bool silent, bool charged)
    {
        if (Did is null || (World.IsBroken(Broken.DoesTwice) && Did == Kind.Done))
            Record(charged);
        else if (Did == Kind.Refused && charged && !World.IsBroken(Broken.NoIntent))
            RefundLateCharge();
        if (!silent && !Crashes(ask, "after its outcome"))
            Answer(ask, ask.Answer(Did!.Value));
    }

    private void Record(bool charged)
    {
        Did = charged ? Kind.Done : Kind.Refused;
        if (charged)
        {
            Effect++;
            Dos++;
        }

        World.Say(Name, $"{Did}, effect {Effect}");
    }

    // The undo was confirmed, and yet there is a charge: it is given back at once, and reported.
    private void RefundLateCharge()
    {
        if (Did == Kind.Done || World.Gateway.Find(intentKey) is not true)
            return;
        World.Say(Name, $"finds a charge after its undo was confirmed");
        if (!World.Gateway.Refund(intentKey) && lateRefunds++ < 20)
            World.After(10 * World.Second, RefundLateCharge);
    }
}
