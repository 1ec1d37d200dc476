using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Mime;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>Sends a stored message as it came: the same bytes, id and headers, but for those that tell of its failure.</summary>
internal static class Replay
{
    /// <summary>Which letter it is, and for which time: by it the end of a replay is known.</summary>
    private const string Header = "dead-letter";

    private static readonly string[] Failure = ["MT-Fault-", "MT-Reason", "MT-Redelivery-", "x-"];

    /// <summary>Which replay a message is; none if it is no replay.</summary>
    public static (Guid Id, int Times)? Of(Headers headers) =>
        headers.TryGetHeader(Header, out var value) && value?.ToString()?.Split('.') is [var id, var times]
        && Guid.TryParse(id, out var letter) && int.TryParse(times, NumberStyles.None, CultureInfo.InvariantCulture, out var time)
            ? (letter, time)
            : null;

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
            context.Headers.Set(Header, string.Create(CultureInfo.InvariantCulture, $"{letter.Id}.{letter.Times}"));
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
