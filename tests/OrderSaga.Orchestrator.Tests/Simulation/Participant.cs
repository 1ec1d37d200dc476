namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>A participant with its ledger (RULES section 5): effect and stored answer in one transaction, the stored answer to a repetition, tombstones.</summary>
internal class Participant(World world, int step)
{
    private const long RestartTime = 3 * World.Second;
    private Message? answerAtEnd;
    private long worksUntil;

    protected World World { get; } = world;

    protected int Step { get; } = step;

    protected string Name { get; } = step < world.Weather.Route.Count ? world.Weather.Route[step].Name : Route.Apology;

    protected Habits Habits { get; } = world.Weather.Habits[step];

    /// <summary>What was answered to the do, if it was; a barred one was refused.</summary>
    protected Kind? Did { get; set; }

    protected Kind? Undid { get; set; }

    protected bool NothingToUndo { get; set; }

    /// <summary>What is left of it: stock, a parcel, money in our own books.</summary>
    public int Effect { get; protected set; }

    public int Dos { get; protected set; }

    public int Undos { get; protected set; }

    public virtual void Hear(Message ask)
    {
        World.Promises.Asked(ask);
        if (ask.Kind == Kind.Undo)
            HearUndo(ask);
        else
            HearDo(ask);
    }

    /// <summary>A person sets right what the undo could not.</summary>
    public virtual void FixByHand()
    {
        if (Effect > 0)
        {
            Effect--;
            Undos++;
            (Undid, NothingToUndo) = (Kind.Undone, false);
        }
        else if (Undid is null && (!IsHeard || World.Dice.Percent(50)))
        {
            // Whoever resolves what was never done makes sure that it never will be; or he does not, and its late success is heard of.
            (Did, Undid, NothingToUndo) = (Did ?? Kind.Refused, Kind.Undone, true);
        }

        World.Say(Name, $"is set right by hand: effect {Effect}{(Undid is null ? "" : ", barred")}");
    }

    /// <summary>The do: once, or its stored answer. True if the answer may go out.</summary>
    protected virtual void Do(Message ask, bool silent)
    {
        if (Did is null || (World.IsBroken(Broken.DoesTwice) && Did == Kind.Done))
        {
            if (Crashes(ask, "before its commit"))
                return;
            if (Habits.Refuses && ask.Kind == Kind.Do)
            {
                Did = Kind.Refused;
            }
            else
            {
                Did = ask.Kind == Kind.Apology ? Kind.Apologised : Kind.Done;
                Effect++;
                Dos++;
            }

            World.Say(Name, $"{Did}, effect {Effect}");
        }
        else if (World.IsBroken(Broken.AnswersDuplicatesNotAgain))
        {
            return;
        }

        if (!silent && !Crashes(ask, "after its commit"))
            Answer(ask, ask.Answer(Did.Value));
    }

    protected virtual void Undo(Message ask, bool silent)
    {
        if (Undid is null || (World.IsBroken(Broken.UndoesTwice) && Did == Kind.Done))
        {
            if (Did == Kind.Done && Habits.TooLate)
            {
                Answer(ask, ask.Answer(Kind.TooLate));
                return;
            }

            if (Crashes(ask, "before its commit"))
                return;
            CommitUndo();
        }
        else if (World.IsBroken(Broken.AnswersDuplicatesNotAgain))
        {
            return;
        }

        if (!silent && !Crashes(ask, "after its commit"))
            Answer(ask, ask.Answer(Kind.Undone) with { Nothing = NothingToUndo });
    }

    protected void CommitUndo()
    {
        NothingToUndo = Did != Kind.Done;
        if (!NothingToUndo)
        {
            Effect--;
            Undos++;
        }
        else if (World.Weather.Broken is Broken.NoTombstones or Broken.NoTombstonesAndDeafToLateSuccess)
        {
            World.Say(Name, $"finds nothing to undo, and forgets that it was asked");
            return;
        }

        Did ??= Kind.Refused;
        Undid = Kind.Undone;
        World.Say(Name, $"undone{(NothingToUndo ? " (nothing)" : "")}, effect {Effect}");
    }

    protected void Answer(Message ask, Message answer)
    {
        if (Habits.WorksFor > 0 && ask.Kind == Kind.Do && answer.Kind == Kind.Done && World.Now < World.Weather.Calm)
            Work(ask, answer);
        else if (Habits.AnswersAfter > 0)
            World.After(Habits.AnswersAfter, () => World.Broker.Send(answer));
        else
            World.Broker.Send(answer);
        if (Habits.AnswersTwice)
            World.After(World.Dice.Roll(5000), () => World.Broker.Send(answer));
    }

    /// <summary>The process dies here; the command was not acknowledged and comes again.</summary>
    protected bool Crashes(Message ask, string when)
    {
        if (!World.Strikes(Troubles.ParticipantCrashes, 7))
            return false;
        World.Say(Name, $"crashes {when}");
        World.Broker.Redeliver(ask, RestartTime);
        return true;
    }

    // A long work: it says that it is at it, and answers whoever asked last when it is done.
    private void Work(Message ask, Message answer)
    {
        answerAtEnd = answer;
        if (worksUntil > 0 && World.Now < worksUntil)
            return;
        if (worksUntil > 0)
        {
            World.Broker.Send(answer);
            return;
        }

        worksUntil = World.Now + Habits.WorksFor;
        Beat(ask, 1);
    }

    private void Beat(Message ask, long beats)
    {
        if (World.Now >= worksUntil)
        {
            World.Broker.Send(answerAtEnd!);
            return;
        }

        World.Broker.Send(new Message(Kind.StillAtWork, Step, ask.Token, (ask.Id * 16) + 15 + (beats << 32)) { Until = World.At.AddSeconds(25) });
        World.After(10 * World.Second, () => Beat(ask, beats + 1));
    }

    private void HearDo(Message ask)
    {
        if (Used(Habits.Faults))
        {
            Habits.Faults = Less(Habits.Faults);
            World.Say(Name, $"throws");
            World.After(500, () => World.Broker.Fault(ask));
            return;
        }

        var silent = Used(Habits.Silences);
        if (silent)
        {
            Habits.Silences = Less(Habits.Silences);
            World.Say(Name, $"is silent{(Habits.DoesInSilence ? ", but does it" : "")}");
            if (!Habits.DoesInSilence)
                return;
        }

        Do(ask, silent);
    }

    private void HearUndo(Message ask)
    {
        if (Used(Habits.UndoFaults))
        {
            Habits.UndoFaults = Less(Habits.UndoFaults);
            World.Say(Name, $"throws at the undo");
            World.After(500, () => World.Broker.Fault(ask));
            return;
        }

        var silent = Used(Habits.UndoSilences);
        if (silent)
        {
            Habits.UndoSilences = Less(Habits.UndoSilences);
            World.Say(Name, $"is silent at the undo{(Habits.UndoesInSilence ? ", but does it" : "")}");
            if (!Habits.UndoesInSilence)
                return;
        }

        Undo(ask, silent);
    }

    // Nothing in this history loses an answer for good.
    private bool IsHeard => !World.Weather.Forgetful && Habits.Silences == 0 && !World.Weather.Has(Troubles.QueueLoss | Troubles.DeadLetters);

    private static bool Used(int left) => left > 0;

    private static int Less(int left) => left == Habits.ForGood ? left : left - 1;
}
