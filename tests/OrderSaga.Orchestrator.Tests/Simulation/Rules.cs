namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>
/// The rules that are necessary (RULES section 8), each as a switch: the world can break one of them, and then the simulation must find
/// a broken promise. A check that cannot fail is no check.
/// </summary>
internal enum Broken
{
    Nothing,

    // 202 only after the order's row is committed.
    AcceptsBeforeCommit,

    // State, log, outgoing messages in one commit; published after it, before the acknowledgement.
    ForgetsOutgoingInCrash,
    PublishesBeforeCommit,
    AcknowledgesBeforeCommit,

    // The version is checked on every write.
    ChecksNoVersion,

    // End states keep their row.
    DropsRowAtEnd,

    // The mirror undoes what was asked for, not only what was seen done.
    UndoesOnlyWhatWasSeen,

    // Tombstones at participants; or late success re-arms its undo.
    NoTombstones,
    NoTombstonesAndDeafToLateSuccess,

    // Intent before the gateway call.
    NoIntent,

    // The gateway's key derives from order and step.
    KeyPerDelivery,

    // Each do and each undo idempotent, duplicates answered again.
    DoesTwice,
    UndoesTwice,
    AnswersDuplicatesNotAgain,

    // A timer acts only for the state and token that it was set for.
    TimersActAlways,

    // After the point of no return only forward.
    ConfirmationTurnsBack,

    // A failed undo goes to Failed with the list of what is left.
    StuckCountsAsUndone,

    // Every waiting state has a timer, and a sweep stands behind all timers.
    NoTimers,
    NoSweep,

    // Failed hears late confirmations; what the customer was told is a flag of the row.
    FailedIsDeaf,
    ForgetsThatItTold,

    // A cancel that overtakes the submission is deferred.
    SwallowsEarlyCancel,
}

/// <summary>What can go wrong in a history, by family: each can be left out, to see whether a broken promise needs it.</summary>
[Flags]
internal enum Troubles
{
    None = 0,
    Refusals = 1 << 0,
    Silences = 1 << 1,
    Faults = 1 << 2,
    LateAnswers = 1 << 3,
    DoubleAnswers = 1 << 4,
    Heartbeats = 1 << 5,
    BadUndos = 1 << 6,
    TooLate = 1 << 7,
    Duplicates = 1 << 8,
    Delays = 1 << 9,
    QueueLoss = 1 << 10,
    DeadLetters = 1 << 11,
    OrchestratorCrashes = 1 << 12,
    ParticipantCrashes = 1 << 13,
    SlowCommits = 1 << 14,
    OddTimers = 1 << 15,
    LostTimers = 1 << 16,
    Cancels = 1 << 17,
    Pauses = 1 << 18,
    EarlyOperators = 1 << 19,
    Gateway = 1 << 20,
    Resubmissions = 1 << 21,
    Outages = 1 << 22,
    All = (1 << 23) - 1,
}

/// <summary>A promise was broken.</summary>
internal sealed class BrokenPromiseException(string message) : Exception(message);
