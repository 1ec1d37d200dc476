using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

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
            body.GetString());
    }

    public static string? Write(IReadOnlyCollection<OutgoingMessage> messages) => messages.Count == 0 ? null : JsonSerializer.Serialize(messages);

    public static IReadOnlyCollection<OutgoingMessage> Read(string? outgoing) => outgoing is null ? [] : JsonSerializer.Deserialize<OutgoingMessage[]>(outgoing)!;

    public async Task SendAsync(ISendEndpointProvider endpoints, CancellationToken ct)
    {
        var endpoint = await endpoints.GetSendEndpoint(Destination).ConfigureAwait(false);
        await endpoint.Send(new SerializedMessageBody(), new AsStored(this), ct).ConfigureAwait(false);
    }

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
