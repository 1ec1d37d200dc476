using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.Transports;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OrderSaga.Messaging;

/// <summary>
/// A message whose channel closes while it is handled is let go at once: the broker delivers it again. The client ends a channel only
/// when all that came by it has been handled, and until then reads nothing at all from the connection. Who waits for the broker
/// meanwhile, for a confirmation or to declare something, would wait for ever, and his process would be deaf until it is started again.
/// </summary>
internal sealed class LetGo : IFilter<ReceiveContext>
{
    private static readonly ConditionalWeakTable<IChannel, Task> Ends = [];

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var handling = next.Send(context);
        if (!handling.IsCompleted && context.TryGetPayload<ChannelContext>(out var channel))
        {
            var end = Ends.GetValue(channel.Channel, EndAsync);
            if (await Task.WhenAny(handling, end).ConfigureAwait(false) == end && !handling.IsCompleted)
            {
                // What goes on is told that nobody waits for it; its end is nobody's business.
                (context as BaseReceiveContext)?.Cancel();
                _ = handling.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
                throw new OperationCanceledException("The channel that the message came by is closed; the broker delivers it again.");
            }
        }

        await handling.ConfigureAwait(false);
    }

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("let-go");

    private static Task EndAsync(IChannel channel)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        channel.ChannelShutdownAsync += EndedAsync;
        if (channel.IsClosed)
            end.TrySetResult();
        return end.Task;

        Task EndedAsync(object sender, ShutdownEventArgs reason)
        {
            end.TrySetResult();
            return Task.CompletedTask;
        }
    }
}
