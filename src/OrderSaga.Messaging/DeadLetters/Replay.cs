using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>Sends a stored message as it came: the same bytes, id and headers, but for those that tell of its failure.</summary>
internal static class Replay
{
    private static readonly string[] Failure = ["MT-Fault-", "MT-Reason", "MT-Redelivery-", "x-"];

    public static async Task SendAsync(this DeadLetter letter, ISendEndpointProvider endpoints, CancellationToken ct)
    {
        var endpoint = await endpoints.GetSendEndpoint(new Uri(letter.Address)).ConfigureAwait(false);
        await endpoint.Send(new SerializedMessageBody(), new AsItCame(letter), ct).ConfigureAwait(false);
    }

    private sealed class AsItCame(DeadLetter letter) : IPipe<SendContext<SerializedMessageBody>>, IMessageSerializer
    {
        public ContentType ContentType { get; } = new(letter.ContentType ?? "application/octet-stream");

        public Task Send(SendContext<SerializedMessageBody> context)
        {
            context.MessageId = letter.MessageId;
            var headers = JsonSerializer.Deserialize<Dictionary<string, string?>>(letter.Headers)!;
            context.SupportedMessageTypes = headers.GetValueOrDefault(MessageHeaders.MessageType)?.Split(';') ?? [];
            foreach (var (name, value) in headers)
                if (value is not null && !Array.Exists(Failure, f => name.StartsWith(f, StringComparison.OrdinalIgnoreCase)))
                    context.Headers.Set(name, value);
            if (context is PublishContext publish)
                publish.Mandatory = true; // it must not get lost for want of a queue
            context.Serializer = this;
            return Task.CompletedTask;
        }

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class
            => new BytesMessageBody(letter.Body);

        [ExcludeFromCodeCoverage]
        public void Probe(ProbeContext context) => context.CreateFilterScope("dead-letter");
    }
}
