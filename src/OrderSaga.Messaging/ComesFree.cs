using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OrderSaga.Messaging;

/// <summary>
/// Who brings the messages of a channel comes free when it is closed, whatever they are about. The client tells the channels of a
/// connection that it is closed one after the other, each when all who bring messages of the one before are free; and the transport,
/// where a message can no longer be confirmed, closes that message's channel once more before it lets go. Where that waits for what is
/// gone, the other endpoints would listen again half a minute later, and what is sent meanwhile would be sent by a connection that is dead.
/// </summary>
internal sealed class ComesFree : ScopeChannelContext, ChannelContext
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);
    private readonly ChannelContext channel;

    public ComesFree(ChannelContext channel)
        : base(channel, channel.CancellationToken) => this.channel = channel;

    Task<string> ChannelContext.BasicConsume(
        string queue, bool noAck, bool exclusive, IDictionary<string, object> arguments, IAsyncBasicConsumer consumer, string consumerTag, CancellationToken cancellationToken) =>
        channel.BasicConsume(queue, noAck, exclusive, arguments, new Consumer(consumer, LetGo.EndOf(channel)), consumerTag, cancellationToken);

    private sealed class Consumer(IAsyncBasicConsumer consumer, Task end) : IAsyncBasicConsumer
    {
        public IChannel? Channel => consumer.Channel;

        public Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken) => consumer.HandleBasicCancelAsync(consumerTag, cancellationToken);

        public Task HandleBasicCancelOkAsync(string consumerTag, CancellationToken cancellationToken) => consumer.HandleBasicCancelOkAsync(consumerTag, cancellationToken);

        public Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken) => consumer.HandleBasicConsumeOkAsync(consumerTag, cancellationToken);

        public Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason) => consumer.HandleChannelShutdownAsync(channel, reason);

        public async Task HandleBasicDeliverAsync(
            string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
        {
            var handling = consumer.HandleBasicDeliverAsync(consumerTag, deliveryTag, redelivered, exchange, routingKey, properties, body, cancellationToken);
            if (!handling.IsCompleted && await Task.WhenAny(handling, end).ConfigureAwait(false) == end)
                await Task.WhenAny(handling, Task.Delay(Grace, CancellationToken.None)).ConfigureAwait(false);
            if (handling.IsCompleted)
                await handling.ConfigureAwait(false);
            else
                _ = handling.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
        }
    }
}
