namespace OrderSaga.Messaging.Inbox;

/// <summary>
/// What a saga's database remembers of one handled message, written in the same commit as its effect: that it was handled (the inbox)
/// and what it still has to send (the outbox). A saga's log row derives from it, so log, inbox and outbox are one insert.
/// </summary>
public class HandledMessage
{
    /// <summary>The order, or other saga, that it was for.</summary>
    public Guid OrderId { get; init; }

    /// <summary>The message; once per order, so a duplicate cannot commit.</summary>
    public Guid MessageId { get; set; }

    /// <summary>When it was handled.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>The messages to send because of it; null once the broker has confirmed them.</summary>
    public string? Outgoing { get; set; }

    /// <summary>What is to be sent because of it is not written here: its saga's row says it.</summary>
    public bool IsToldByItsRow => Outgoing == ToldByItsRow;

    internal HandledId Id => new(OrderId, MessageId);

    internal const string ToldByItsRow = "told by its row";
}

/// <summary>By what the row of a handled message is found.</summary>
internal readonly record struct HandledId(Guid OrderId, Guid MessageId);
