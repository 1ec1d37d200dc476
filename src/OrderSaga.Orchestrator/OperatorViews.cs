using System.Text.Json.Serialization;
using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator;

/// <summary>What a list of orders is narrowed to.</summary>
/// <param name="State">The state of the saga, such as InventoryReserved.</param>
/// <param name="Status">Processing, Completed, Cancelled or NeedsAttention.</param>
/// <param name="OlderThan">Begun at least that long ago.</param>
/// <param name="Step">The step that the order waits for, or for its undo.</param>
/// <param name="Customer">The customer's id.</param>
/// <param name="Paused">Whether an operator holds it.</param>
/// <param name="Archived">Those that are archived, instead of all others.</param>
/// <param name="Reason">Why it is undone; a code.</param>
/// <param name="Text">The last digits of its id, or a text in what was submitted, such as an e-mail address.</param>
public sealed record OrderFilter(
    string? State = null, string? Status = null, TimeSpan? OlderThan = null, string? Step = null, string? Customer = null, bool? Paused = null, bool Archived = false,
    string? Reason = null, string? Text = null)
{
    /// <summary>Whether it asks for what no index knows. Of those that ended so many are looked through for a page, and the next goes on from there.</summary>
    public bool Looks => Reason is not null || Text is not null;
}

/// <summary>What the list of stuck undos is narrowed to.</summary>
/// <param name="Step">Whose undo it is.</param>
/// <param name="Customer">The customer's id.</param>
/// <param name="OlderThan">Stuck for at least that long.</param>
public sealed record StuckFilter(string? Step = null, string? Customer = null, TimeSpan? OlderThan = null);

/// <summary>An order in a list for operators.</summary>
/// <param name="OrderId">The order.</param>
/// <param name="Status">The state in a customer's words.</param>
/// <param name="State">Where its saga stands.</param>
/// <param name="Reason">Why it is undone.</param>
/// <param name="Customer">The customer's id.</param>
/// <param name="Total">What is charged.</param>
/// <param name="Currency">Of the total.</param>
/// <param name="StartedAt">When it was accepted.</param>
/// <param name="UpdatedAt">When something last happened to it.</param>
/// <param name="EndedAt">When it came to rest.</param>
/// <param name="WaitsFor">The command that is to be answered.</param>
/// <param name="Attempt">How often that was asked.</param>
/// <param name="Phase">Awaiting its answer, pausing before it is asked again, or held.</param>
/// <param name="Due">When its silence counts, or it is asked again.</param>
/// <param name="PausedAt">Since when an operator holds the order.</param>
public record OrderSummary(
    Guid OrderId, string Status, string State, string? Reason, string Customer, decimal? Total, string Currency, DateTimeOffset StartedAt, DateTimeOffset UpdatedAt,
    DateTimeOffset? EndedAt, string? WaitsFor, int Attempt, string? Phase, DateTimeOffset? Due, DateTimeOffset? PausedAt);

/// <summary>An order with all that is known of it.</summary>
public sealed record OrderFile : OrderSummary
{
    internal OrderFile(OrderSummary order) : base(order)
    {
    }

    /// <summary>A cancel that waits for the paused order to go on.</summary>
    [JsonPropertyOrder(1)]
    public required string? CancelReason { get; init; }

    /// <summary>As everyone may read them.</summary>
    [JsonPropertyOrder(1)]
    public required IReadOnlyList<StepView> Steps { get; init; }

    /// <summary>What a person has to finish, or had to.</summary>
    [JsonPropertyOrder(1)]
    public required IReadOnlyList<StuckLine> Stuck { get; init; }

    /// <summary>Every message that was handled, in its order.</summary>
    [JsonPropertyOrder(1)]
    public required IReadOnlyList<LogLine> Log { get; init; }
}

/// <summary>One handled message: what was answered, and what was asked next.</summary>
/// <param name="Seq">Counts the order's messages.</param>
/// <param name="At">When.</param>
/// <param name="Step">The step that it was about; none for what concerns the whole order.</param>
/// <param name="Direction">do, undo or apology.</param>
/// <param name="Attempt">Which ask it answered.</param>
/// <param name="Status">What happened.</param>
/// <param name="DurationMs">Since that was first asked.</param>
/// <param name="Asks">The command that was asked next.</param>
/// <param name="Key">The key of what was answered.</param>
/// <param name="MessageId">The message.</param>
/// <param name="Error">What was wrong, or why.</param>
/// <param name="Actor">Who did it, if an operator did.</param>
public sealed record LogLine(
    int Seq, DateTimeOffset At, string? Step, string? Direction, int Attempt, string Status, double? DurationMs, string? Asks, string? Key, Guid MessageId, string? Error, string? Actor);

/// <summary>An undo that a person has to finish.</summary>
/// <param name="OrderId">The order.</param>
/// <param name="Step">Whose undo it is.</param>
/// <param name="Status">stuck; retrying, once somebody has it tried again; or settled.</param>
/// <param name="Error">Why it failed the last time.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Since">Since when.</param>
/// <param name="SettledAt">When it was confirmed or resolved.</param>
/// <param name="State">Where the order stands.</param>
/// <param name="Customer">The customer's id.</param>
/// <param name="Total">What was charged, or would have been.</param>
/// <param name="Currency">Of the total.</param>
public sealed record StuckLine(
    Guid OrderId, string Step, string Status, string Error, int Attempts, DateTimeOffset Since, DateTimeOffset? SettledAt, string State, string Customer, decimal? Total, string Currency);

/// <summary>How the shop is doing.</summary>
/// <param name="At">When it was looked at.</param>
/// <param name="States">How many orders stand in each state.</param>
/// <param name="InFlight">Those that have not come to rest.</param>
/// <param name="Paused">Those of them that an operator holds.</param>
/// <param name="Slow">Those of them that began longer ago than <paramref name="SlowAfterSeconds"/>.</param>
/// <param name="SlowAfterSeconds">From when on an order is slow.</param>
/// <param name="Oldest">The one that began first.</param>
/// <param name="Stuck">The undos that a person has to finish.</param>
/// <param name="Rates">What came and went lately.</param>
public record ShopSummary(
    DateTimeOffset At, IReadOnlyDictionary<string, int> States, int InFlight, int Paused, int Slow, double SlowAfterSeconds, OrderSummary? Oldest, int Stuck, ShopRates Rates);

/// <summary>How many orders began, and came to rest in which way, within the last seconds.</summary>
public sealed record ShopRates(double Seconds, int Started, int Completed, int Compensated, int Failed, double StartedPerSecond, double EndedPerSecond);

/// <summary>How many orders had ended in each state at a moment, archived ones not counted: where there are many, counting them takes its time.</summary>
public sealed record EndedOrders(DateTimeOffset At, IReadOnlyDictionary<string, int> States);

/// <summary>A row of the table.</summary>
/// <param name="Name">The step.</param>
/// <param name="Reaches">The state that its success reaches; none past the point of no return.</param>
/// <param name="Undo">The command that undoes it; none past the point of no return.</param>
/// <param name="Optional">Whether a switch or the order decides about it.</param>
public sealed record TableStep(string Name, string? Reaches, string? Undo, bool Optional);

/// <summary>What goes on between the states.</summary>
/// <param name="Waiting">How many orders wait for the answer to each command.</param>
/// <param name="Stuck">How many undos of each step a person has to finish.</param>
public sealed record ShopFlow(IReadOnlyDictionary<string, int> Waiting, IReadOnlyDictionary<string, int> Stuck);

/// <summary>How the whole shop stands.</summary>
/// <param name="Summary">In numbers.</param>
/// <param name="Flow">Between the states.</param>
/// <param name="Longest">Those that are under way the longest.</param>
public sealed record ShopStand(ShopSummary Summary, ShopFlow Flow, IReadOnlyList<OrderSummary> Longest);

/// <summary>What began and ended within a minute.</summary>
public sealed record ShopMinute(DateTimeOffset At, int Started, int Completed, int Undone);

/// <summary>What an order is about.</summary>
public sealed record OrderContent(string CustomerId, string Email, IReadOnlyList<OrderLine> Lines, Address Address, bool GiftWrap, string? IdempotencyKey, string? Faults);
