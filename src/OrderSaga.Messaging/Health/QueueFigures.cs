using System.Diagnostics.Metrics;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Telemetry;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace OrderSaga.Messaging.Health;

/// <summary>
/// How many messages wait in each queue, and how many read it, as the broker answers a passive declaration: one question per queue, over the
/// connection that is there, and no management plugin. What is delivered and not acknowledged is not counted.
/// </summary>
internal sealed class QueueFigures : Look
{
    private readonly IReadOnlyList<string> queues;
    private IConnection? connection;
    private IReadOnlyList<QueueDeclareOk> counted = [];

    public QueueFigures(IReadOnlyList<string> queues, IMeterFactory meters, TimeProvider time, ILogger<QueueFigures> log) : base(time, log)
    {
        this.queues = queues;
        var meter = meters.Create(Meters.Name);
        meter.CreateObservableGauge("saga_queue_messages", () => Show(q => q.MessageCount), description: "Messages that wait in a queue");
        meter.CreateObservableGauge("saga_queue_consumers", () => Show(q => q.ConsumerCount), description: "How many endpoints read a queue, over all processes");
    }

    /// <summary>Over which it asks: the one that was opened last.</summary>
    public void Use(IConnection opened) => Volatile.Write(ref connection, opened);

    protected override async Task LookAsync(CancellationToken ct)
    {
        var seen = new List<QueueDeclareOk>(queues.Count);
        var over = Volatile.Read(ref connection) ?? throw new InvalidOperationException("There is no connection yet.");
        for (var i = 0; i < queues.Count;)
        {
            await using var channel = await over.CreateChannelAsync(cancellationToken: ct).ConfigureAwait(false);
            try
            {
                for (; i < queues.Count; i++)
                    seen.Add(await channel.QueueDeclarePassiveAsync(queues[i], ct).ConfigureAwait(false));
            }
            catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == Constants.NotFound)
            {
                // Nobody has declared it yet. The broker closes the channel for the question.
                i++;
            }
        }

        counted = seen;
    }

    private IEnumerable<Measurement<long>> Show(Func<QueueDeclareOk, uint> what) =>
        IsKnown ? counted.Select(q => new Measurement<long>(what(q), new KeyValuePair<string, object?>("queue", q.QueueName))) : [];
}

public static class QueueFiguring
{
    /// <summary>Shows how full these queues are; their endpoints, or any others of this process, <see cref="ShowConnection"/>.</summary>
    public static void AddQueueFigures(this IServiceCollection services, IReadOnlyList<string> queues) =>
        services.AddLook(provider => ActivatorUtilities.CreateInstance<QueueFigures>(provider, queues));

    /// <summary>Lends the endpoint's connection to who asks how full the queues are.</summary>
    public static void ShowConnection(this IRabbitMqReceiveEndpointConfigurator endpoint, IServiceProvider services)
    {
        if (services.GetService<QueueFigures>() is { } figures)
            endpoint.ConfigureChannel(pipe => pipe.UseExecute(context => figures.Use(context.ConnectionContext.Connection)));
    }
}
