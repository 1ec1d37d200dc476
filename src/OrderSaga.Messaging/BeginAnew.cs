using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.RabbitMqTransport;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Messaging;

/// <summary>
/// An endpoint whose channel closed begins anew on the next one, whatever the transport waits for meanwhile: for another endpoint, or to be
/// told by the client, which tells one channel after the other. Nobody would take from the queue again until the process is restarted.
/// </summary>
internal sealed class BeginAnew(Func<ConnectionWatch?> watch) : IFilter<ChannelContext>
{
    // What is at work by then has been let go of for long.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        watch()?.Uses(context.ConnectionContext);
        var consuming = next.Send(new ComesFree(context));
        if (await Task.WhenAny(consuming, LetGo.EndOf(context)).ConfigureAwait(false) != consuming)
        {
            await Task.WhenAny(consuming, Task.Delay(Grace)).ConfigureAwait(false);
            if (!consuming.IsCompleted)
            {
                _ = consuming.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
                // Without a cause the transport takes it for something that will not get better, and stops the whole bus.
                throw new RabbitMqConnectionException("The channel is closed, and what used it has not noticed.", new TimeoutException());
            }
        }

        await consuming.ConfigureAwait(false);
    }

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("begin-anew");
}
