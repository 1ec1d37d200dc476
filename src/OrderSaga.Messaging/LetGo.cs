using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.Transports;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Health;
using RabbitMQ.Client;

namespace OrderSaga.Messaging;

/// <summary>
/// A message whose channel closes while it is handled is let go at once: the broker delivers it again. The transport takes from the queue
/// by another channel only when all that came by this one has been handled. Who waits for the broker meanwhile, for a confirmation or to
/// declare something, would wait for ever, and his process would be deaf until it is started again.
/// </summary>
/// <remarks>What goes wrong with it from then on is not its fault: it is not told to who asked, and it is no dead letter.</remarks>
internal sealed class LetGo : IFilter<ReceiveContext>, IFilter<ExceptionReceiveContext>
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly ConditionalWeakTable<IChannel, Task> Ends = [];

    /// <summary>Has an endpoint notice for itself that its channel is closed.</summary>
    public static void On(IReceiveEndpointConfigurator endpoint, IServiceProvider services)
    {
        var filter = new LetGo();
        endpoint.ConfigureReceive(pipe => pipe.UseFilter<ReceiveContext>(filter));
        endpoint.ConfigureError(pipe => pipe.UseFilter<ExceptionReceiveContext>(filter));
        if (endpoint is not IRabbitMqReceiveEndpointConfigurator rabbit)
            return;
        rabbit.ConfigureChannel(pipe => pipe.UseFilter(new BeginAnew(services.GetService<ConnectionWatch>)));
        // Of the client's loops per channel, which wait for nothing (ComesFree): the prefetch says how many messages are handled at once.
        rabbit.ConcurrentMessageLimit = 1;
    }

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var handling = HandleAsync(context, next);
        if (!handling.IsCompleted && context.TryGetPayload<ChannelContext>(out var channel))
        {
            var end = EndOf(channel);
            if (await Task.WhenAny(handling, end).ConfigureAwait(false) == end && !handling.IsCompleted)
            {
                // What goes on is told that nobody waits for it; its end is nobody's business.
                (context as BaseReceiveContext)?.Cancel();
                _ = handling.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
                throw ComesAgain();
            }
        }

        await handling.ConfigureAwait(false);
    }

    public Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next) =>
        context.TryGetPayload<ChannelContext>(out var channel) && !IsOpen(channel) ? throw ComesAgain() : next.Send(context);

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("let-go");

    // With what it has sent: that it was given up on here does not end it there.
    private static async Task HandleAsync(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        await next.Send(context).ConfigureAwait(false);
        await context.ReceiveCompleted.ConfigureAwait(false);
    }

    /// <summary>Ends when a channel is closed.</summary>
    /// <remarks>
    /// Looked at, not listened to: of a connection that closes the channels are told one after the other, each when the one before it has
    /// ended.
    /// </remarks>
    internal static Task EndOf(ChannelContext context) => Ends.GetValue(
        // Each who waits for it goes on by himself: one that is stuck holds up no other.
        context.Channel, _ => EndAsync(context).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.RunContinuationsAsynchronously, TaskScheduler.Default));

    private static async Task EndAsync(ChannelContext context)
    {
        while (IsOpen(context))
            await Task.Delay(Look).ConfigureAwait(false);
    }

    private static bool IsOpen(ChannelContext context) => context.Channel.IsOpen && context.ConnectionContext.Connection.IsOpen;

    private static OperationCanceledException ComesAgain() => new("The channel that the message came by is closed; the broker delivers it again.");
}
