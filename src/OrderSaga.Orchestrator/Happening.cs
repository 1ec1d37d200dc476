using System.Collections.Immutable;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator;

/// <summary>What can happen to an order.</summary>
internal abstract record Happening
{
    /// <summary>The order was accepted.</summary>
    public sealed record Submitted : Happening;

    /// <summary>A step was done.</summary>
    public sealed record Done(string Step) : Happening;

    /// <summary>A business no: the participant did nothing.</summary>
    public sealed record Refused(string Step, string Reason, string? Detail = null) : Happening;

    /// <summary>An undo was confirmed.</summary>
    public sealed record Undone(string Step, bool Nothing = false) : Happening;

    /// <summary>An undo came too late to be possible.</summary>
    public sealed record TooLate(string Step, string Reason) : Happening;

    /// <summary>A command could not be handled though its participant is well: it may or may not have been done.</summary>
    public sealed record Faulted(string Action, string Error) : Happening;

    /// <summary>The customer was told that the order is cancelled.</summary>
    public sealed record Apologised : Happening;

    /// <summary>The deadline of this token has passed.</summary>
    public sealed record TimeUp(int Token) : Happening
    {
        /// <summary>When the answer that is waited for could not be given or heard.</summary>
        public ImmutableArray<DeafTime> Deaf { get; init; } = [];

        /// <summary>When other answers could not, that the order may have waited for before.</summary>
        public ImmutableArray<DeafTime> Elsewhere { get; init; } = [];
    }

    /// <summary>A participant is still at work.</summary>
    public sealed record StillAtWork(string Step, DateTimeOffset Until) : Happening;

    /// <summary>The customer or an operator wants the order undone.</summary>
    public sealed record Cancelled(string Reason) : Happening
    {
        /// <summary>The reason of a cancel that gave none.</summary>
        public const string WithoutReason = "CANCELLED";
    }

    /// <summary>The process that held the transport's messages is gone, and they with it.</summary>
    public sealed record Restarted : Happening;

    /// <summary>An operator wants a stuck undo tried again.</summary>
    public sealed record Retried(string Step, string? Reason = null) : Happening;

    /// <summary>An operator finished a stuck undo by hand, and says how that is known.</summary>
    public sealed record Resolved(string Step, string Reason, string? Evidence = null) : Happening;

    /// <summary>An operator holds the order.</summary>
    public sealed record Paused(string? Reason = null) : Happening;

    /// <summary>An operator lets it go on.</summary>
    public sealed record Resumed(string? Reason = null) : Happening;
}
