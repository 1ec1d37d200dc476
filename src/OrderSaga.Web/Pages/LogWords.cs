using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>What a line of the log says, for people; the sign before it says at a glance how it went.</summary>
internal static class LogWords
{
    public static (string Shape, string Tone) Sign(LogLine line) => line.Status switch
    {
        "done" or "apologised" or "submitted" or "resolved" => ("done", "ok"),
        "undone" => ("undone", "back"),
        "refused" => ("refused", "bad"),
        "faulted" => ("faulted", "bad"),
        "stuck" => ("stuck", "bad"),
        "silent" or "asked again" or "unheard" or "out of time" => ("silent", "warn"),
        "cancelled" or "rearmed" or "retried" or "too late" => ("undoing", "back"),
        "paused" => ("paused", "off"),
        _ => ("next", "off"),
    };

    public static string Of(LogLine line, Func<string, string?> undoOf)
    {
        var step = line.Step ?? "The order";
        var what = line.Direction == "undo" ? undoOf(step) ?? $"The undo of {step}" : step;
        var error = string.IsNullOrEmpty(line.Error) ? "" : $": {line.Error}";
        return line.Status switch
        {
            "submitted" => "Order accepted",
            "done" => $"{step} is done",
            "refused" => $"{step} was refused{error}",
            "silent" when line.Direction == "do" => $"{step} gave no answer in its time. The order turns back, beginning with this step, because it may have been done",
            "silent" => $"{what} gave no answer",
            "faulted" => $"{what} failed{error}",
            "undone" => $"{what} is confirmed",
            "too late" => $"{what} came too late{error}",
            "apologised" => "The customer was told that the order is cancelled",
            "asked again" => $"{what} is asked again",
            "unheard" => $"Nobody could have been heard: {what} is asked again, and that is not counted",
            "stuck" => $"{what} is stuck{error.TrimEnd('.')}. Somebody was alerted, and the other undos go on",
            "out of time" => "The whole order has taken too long, and turns back",
            "still at work" => $"{step} is still being worked on",
            "cancelled" => $"Cancelled{error}",
            "paused" => $"Paused{error}",
            "resumed" => $"Resumed{error}",
            "retried" => $"{what} is to be tried again{error}",
            "resolved" => $"{what} was settled by hand{error}",
            "rearmed" => $"{step} was done after all, and is undone again",
            "late" => $"{step} answered late: its undo is asked for already",
            "ignored" => $"{step} was heard again, and changes nothing",
            "denied" => $"Refused{error}",
            _ => $"{step}: {line.Status}{error}",
        };
    }
}

/// <summary>What helps, by the kind of error. It has to be true, so it says so where nothing is known.</summary>
internal static class Advice
{
    public static string Of(string error) =>
        Has(error, "HANDED_OVER", "carrier") ? "The parcel is with the carrier and cannot be called back. Ask the carrier to return it, or arrange a return with the customer; then settle by hand, with the number of the return."
        : Has(error, "finds nothing to undo") ? "The service says that there is nothing to undo, though it had said that it was done. Look into its own books below before you settle it by hand."
        : Has(error, "gateway") ? "Retry when the payment gateway is well again: a retry uses the same key, so nothing is paid back twice. If the money went back by another way, settle by hand."
        : Has(error, "no answer", "was not answered") ? "The service did not answer. See that it runs and its queue is read; then retry. A retry uses the same key, and does nothing twice."
        : Has(error, "fault plan", "FAULT_PLAN") ? "This fault was planned with the order, to try things out. Retry: the plan may be used up by now."
        : Has(error, "timeout", "connection", "database") ? "The service could not reach what it needs. Retry when that is mended; a retry uses the same key, and does nothing twice."
        : "No advice for this error yet. Read it, look at what the service says in its own books, and retry when its cause is mended: a retry uses the same key.";

    /// <summary>Why a message became a dead letter, and what helps.</summary>
    public static string OfLetter(string cause) => cause switch
    {
        "UnknownContract" => "Nobody here knows such a message. Find out who sends it; then discard.",
        "DeliveryLimit" => "It was delivered over and over and never ended. Look at the log of the service at that time before it is replayed.",
        "NotSent" => "It could not be sent, though the broker was there. Replay when its queue is there.",
        _ when Has(cause, "Json", "Serialization") => "Its body cannot be read. Have its sender repaired; a replay fails again.",
        _ when Has(cause, "NotAccepted", "Archived", "NotThereYet") => "No order takes it as it is. Look at one; then discard.",
        _ => "Look at one, and replay when its cause is mended. Whoever did handle it after all recognises it by its id.",
    };

    private static bool Has(string text, params string[] words) => Array.Exists(words, w => text.Contains(w, StringComparison.OrdinalIgnoreCase));
}
