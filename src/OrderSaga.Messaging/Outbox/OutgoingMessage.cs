using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MassTransit;
using MassTransit.Serialization;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Outbox;

/// <summary>A message as it will go over the wire, serialized once: stored with the commit, sent after it, sent again after a crash.</summary>
internal sealed record OutgoingMessage(
    Guid MessageId,
    Guid? CorrelationId,
    Guid? ConversationId,
    Guid? InitiatorId,
    Uri Destination,
    string ContentType,
    string[] MessageTypes,
    Dictionary<string, string> Headers,
    bool Mandatory,
    string Body)
{
    // A message is JSON within JSON: each of its quotes would be six characters.
    private static readonly JsonSerializerOptions Stored = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Its saga can say it again from its row, so it need not be stored.</summary>
    [JsonIgnore]
    public bool Repeatable { get; init; }

    /// <summary>Its saga's row says it until it is sent.</summary>
    [JsonIgnore]
    public bool IsToldByItsRow { get; init; }

    /// <summary>How often it could not be sent though the broker was there.</summary>
    public int Failures { get; init; }

    public static OutgoingMessage From<T>(SendContext<T> context)
        where T : class
    {
        var messageId = context.MessageId ??= NewId.NextGuid();
        var body = context.Serializer.GetMessageBody(context);
        return new OutgoingMessage(
            messageId,
            context.CorrelationId,
            context.ConversationId,
            context.InitiatorId,
            context.DestinationAddress ?? throw new InvalidOperationException($"{typeof(T)} has no destination."),
            (context.ContentType ?? context.Serializer.ContentType).ToString(),
            context.SupportedMessageTypes,
            context.Headers.GetAll().Where(h => h.Value is string).ToDictionary(h => h.Key, h => (string)h.Value),
            context is PublishContext { Mandatory: true },
            body.GetString())
        {
            Repeatable = context.HasPayloadType(typeof(OutboxSession.Repeatable)),
            IsToldByItsRow = context.HasPayloadType(typeof(OutboxSession.ToldByItsRow)),
        };
    }

    /// <summary>What has to be stored of them; null if nothing has to be.</summary>
    public static string? Write(IReadOnlyCollection<OutgoingMessage> messages) =>
        messages.Where(m => !m.Repeatable).ToArray() is not { Length: > 0 } stored ? null
        : Array.TrueForAll(stored, m => m.IsToldByItsRow) ? HandledMessage.ToldByItsRow
        : JsonSerializer.Serialize(stored, Stored);

    /// <summary>What is written there; what a row says instead is for its saga to say.</summary>
    public static IReadOnlyCollection<OutgoingMessage> Read(HandledMessage handled) =>
        handled.Outgoing is null || handled.IsToldByItsRow ? [] : JsonSerializer.Deserialize<OutgoingMessage[]>(handled.Outgoing)!;

    /// <summary>Sends them side by side, and returns when the broker has confirmed them all.</summary>
    public static Task SendAsync(IEnumerable<OutgoingMessage> messages, ISendEndpointProvider endpoints, CancellationToken ct) =>
        Task.WhenAll(messages.Select(m => m.SendAsync(endpoints, ct))).ConfirmedAsync(ct);

    private async Task SendAsync(ISendEndpointProvider endpoints, CancellationToken ct)
    {
        using var activity = TraceContext.GoOn(Headers);
        var endpoint = await endpoints.GetSendEndpoint(Destination).ConfigureAwait(false);
        await endpoint.Send(new SerializedMessageBody(), new AsStored(this), ct).ConfigureAwait(false);
    }

    /// <summary>For a person to look at, after the broker would not take it.</summary>
    public DeadLetter ToDeadLetter(Exception why) => new()
    {
        Id = Messaging.MessageId.Derive(MessageId, nameof(DeadLetterCause.NotSent)),
        Queue = Destination.AbsolutePath.Split('/')[^1],
        Address = Destination.ToString(),
        MessageId = MessageId,
        SagaId = Guid.TryParse(Headers.GetValueOrDefault(SagaHeaders.SagaId), out var saga) ? saga : null,
        MessageType = string.Join(' ', MessageTypes.Select(t => t.Split(':')[^1])),
        ContentType = ContentType,
        Headers = JsonSerializer.Serialize(new Dictionary<string, string>(Headers) { [MessageHeaders.MessageType] = string.Join(';', MessageTypes) }),
        Body = Encoding.UTF8.GetBytes(Body),
        Cause = DeadLetterCause.NotSent,
        Error = why.Message,
        Details = why.ToString(),
    };

    private sealed class AsStored(OutgoingMessage message) : IPipe<SendContext<SerializedMessageBody>>, IMessageSerializer
    {
        public ContentType ContentType { get; } = new(message.ContentType);

        public Task Send(SendContext<SerializedMessageBody> context)
        {
            context.MessageId = message.MessageId;
            context.CorrelationId = message.CorrelationId;
            context.ConversationId = message.ConversationId;
            context.InitiatorId = message.InitiatorId;
            context.SupportedMessageTypes = message.MessageTypes;
            foreach (var (name, value) in message.Headers)
                context.Headers.Set(name, value);
            if (message.Mandatory && context is PublishContext publish)
                publish.Mandatory = true;
            context.Serializer = this;
            return Task.CompletedTask;
        }

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class
            => new StringMessageBody(message.Body);

        [ExcludeFromCodeCoverage]
        public void Probe(ProbeContext context) => context.CreateFilterScope("stored-message");
    }
}
