using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OrderSaga.Messaging;

/// <summary>
/// Who brings a message does not wait until it is handled: how many are handled at once is the endpoint's prefetch alone. The client would
/// have a loop for each that it may bring at once, and a message wakes all of them that wait. And it tells the channels of a connection
/// that it is closed one after the other, each when all who bring messages of the one before are free: where that waits for what is
/// gone, the other endpoints would listen again half a minute later, and what is sent meanwhile would be sent by a connection that is dead.
/// </summary>
internal sealed class ComesFree : ScopeChannelContext, ChannelContext
{
    private readonly ChannelContext channel;

    public ComesFree(ChannelContext channel)
        : base(channel, channel.CancellationToken) => this.channel = channel;

    Task<string> ChannelContext.BasicConsume(
        string queue, bool noAck, bool exclusive, IDictionary<string, object> arguments, IAsyncBasicConsumer consumer, string consumerTag, CancellationToken cancellationToken) =>
        channel.BasicConsume(queue, noAck, exclusive, arguments, new Consumer(consumer), consumerTag, cancellationToken);

    private sealed class Consumer(IAsyncBasicConsumer consumer) : IAsyncBasicConsumer
    {
        public IChannel? Channel => consumer.Channel;

        public Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken) => consumer.HandleBasicCancelAsync(consumerTag, cancellationToken);

        public Task HandleBasicCancelOkAsync(string consumerTag, CancellationToken cancellationToken) => consumer.HandleBasicCancelOkAsync(consumerTag, cancellationToken);

        public Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken) => consumer.HandleBasicConsumeOkAsync(consumerTag, cancellationToken);

        public Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason) => consumer.HandleChannelShutdownAsync(channel, reason);

        public Task HandleBasicDeliverAsync(
            string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
        {
            // Its memory is the client's again as soon as this comes back.
            var handling = consumer.HandleBasicDeliverAsync(consumerTag, deliveryTag, redelivered, exchange, routingKey, properties, body.ToArray(), cancellationToken);
            if (!handling.IsCompletedSuccessfully)
                _ = handling.ContinueWith(ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            return Task.CompletedTask;
        }
    }
}
