namespace OrderSaga.Orchestrator;

/// <summary>
/// What follows from where an order stands and what happened to it: its new standing, at most one command, at most one ending. Made by
/// <see cref="Decider"/>, carried out by whoever heard what happened.
/// </summary>
/// <param name="After">Where the order stands now.</param>
/// <param name="Says">What the log says of it.</param>
internal sealed record Decision(Progress After, string Says)
{
    /// <summary>More about it: an error, a reason.</summary>
    public string? Detail { get; init; }

    /// <summary>What is asked now, if anything new is.</summary>
    public Asked? Asks { get; init; }

    /// <summary>The ending to publish, if the order came to rest.</summary>
    public Ending? Ends { get; init; }

    /// <summary>An undo that became stuck: it goes on the list of what a person must finish.</summary>
    public Stuck? Stuck { get; init; }

    /// <summary>The step whose entry on that list, if it has one, is settled.</summary>
    public int? Settled { get; init; }

    /// <summary>What somebody should look at.</summary>
    public string? Alert { get; init; }

    /// <summary>Whether it is what came of an ask: done, refused, confirmed, or found impossible.</summary>
    public bool Answers(Asked? asked) => asked is { Phase: not Phase.Held } && Says is Said.Done or Said.Refused or Said.Undone or Said.TooLate or Said.Apologised && !After.IsAsked(asked.Value.Direction, asked.Value.Step);

    /// <summary>Nothing was changed because it must not be: the operator or customer is told so.</summary>
    public bool Denied => Says == Said.Denied;
}

/// <summary>An undo that a person must finish.</summary>
internal sealed record Stuck(int Step, string Error, int Attempts);

/// <summary>What the log says of a handled message.</summary>
internal static class Said
{
    public const string Submitted = "submitted";
    public const string Done = "done";
    public const string Refused = "refused";
    public const string Silent = "silent";
    public const string Faulted = "faulted";
    public const string Undone = "undone";
    public const string TooLate = "too late";
    public const string Apologised = "apologised";
    public const string AskedAgain = "asked again";

    /// <summary>The answer could not have been heard: the wait for it begins anew.</summary>
    public const string Unheard = "unheard";
    public const string Stuck = "stuck";
    public const string OutOfTime = "out of time";
    public const string StillAtWork = "still at work";
    public const string Cancelled = "cancelled";
    public const string Paused = "paused";
    public const string Resumed = "resumed";
    public const string Retried = "retried";
    public const string Resolved = "resolved";

    /// <summary>A success that was believed not to have happened: its undo is asked for once more.</summary>
    public const string Rearmed = "rearmed";

    /// <summary>Too late to matter: what settles it is asked for already.</summary>
    public const string Late = "late";
    public const string Ignored = "ignored";
    public const string Denied = "denied";
}
