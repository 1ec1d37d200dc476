using MassTransit;
using OrderSaga.Messaging.DeadLetters;

namespace OrderSaga.Messaging;

/// <summary>A queue and the contracts that are heard on it. Known to every node, so that whoever sends to it can declare it first.</summary>
public sealed class Mailbox
{
    private readonly Type[] consumers;

    /// <summary>A queue of consumers.</summary>
    public Mailbox(string name, params Type[] consumers)
    {
        Name = name;
        this.consumers = consumers;
        Contracts = [.. consumers.SelectMany(c => c.GetInterfaces()).Where(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IConsumer<>)).Select(i => i.GetGenericArguments()[0]).Distinct()];
    }

    /// <summary>A queue of a saga, and of consumers beside it.</summary>
    public Mailbox(string name, StateMachine saga, params Type[] consumers) : this(name, consumers) =>
        Contracts = [.. Contracts, .. saga.Events.Select(e => e.GetType().GetInterfaces().FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(Event<>))).OfType<Type>().Select(i => i.GetGenericArguments()[0]).Distinct()];

    public string Name { get; }

    public IReadOnlyList<Type> Contracts { get; }

    /// <summary>Has the consumers listen.</summary>
    public void AddConsumers(IBusRegistrationConfigurator bus)
    {
        foreach (var consumer in consumers)
            bus.AddConsumer(consumer).Endpoint(e => e.Name = Name);
    }
}

/// <summary>How queues are on RabbitMQ.</summary>
public static class QuorumQueues
{
    /// <summary>Where the broker puts what was delivered too often.</summary>
    public const string DeadLetters = "dead-letters";

    /// <summary>
    /// After so many deliveries a message is stored as a dead letter by whoever gets it next. Innocent ones that were delivered beside one
    /// that kills its process count along with it; so not too few.
    /// </summary>
    internal const int Deliveries = 20;

    // Behind that, for what kills a process before it can look: some brokers drop a message at a limit of their own, unless told where to.
    private const int DeliveryLimit = 30;

    /// <summary>
    /// Replicated, and what was delivered too often goes to the dead letters. The arguments are the queue's identity: everybody who
    /// declares it must say the same. (Not with the strategy at-least-once: RabbitMQ 3.10 can lose the whole queue by it when it starts.)
    /// </summary>
    public static void AsQuorumQueue(this IRabbitMqQueueConfigurator queue)
    {
        queue.SetQuorumQueue();
        queue.SetQueueArgument("x-delivery-limit", DeliveryLimit);
        queue.SetQueueArgument("x-dead-letter-exchange", DeadLetters);
    }

    /// <summary>
    /// Whoever publishes one of the contracts declares its queue before, on every new connection: nothing is lost because a service was
    /// never started yet, or because the queues were deleted while it is away.
    /// </summary>
    public static void DeclareBeforeSending(this IRabbitMqBusFactoryConfigurator bus, IEnumerable<Mailbox> mailboxes)
    {
        var exchangeOf = bus.MessageTopology.EntityNameFormatter;
        foreach (var (mailbox, contract) in mailboxes.SelectMany(m => m.Contracts, (m, c) => (m, c)))
            bus.Publish(contract, publish =>
            {
                publish.BindQueue(NameOf(exchangeOf, contract), mailbox.Name, AsQuorumQueue);
                // The queue's own exchange, where a dead letter is sent again.
                publish.BindQueue(mailbox.Name, mailbox.Name, AsQuorumQueue);
            });
        bus.DeployPublishTopology = false; // by DeclareQueues
    }

    /// <summary>Stores what the broker gave up on.</summary>
    public static void ReceiveDeadLetters(this IRabbitMqBusFactoryConfigurator bus, IServiceProvider services) => bus.ReceiveEndpoint(DeadLetters, endpoint =>
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.SetQuorumQueue();
        StoreDeadLetter.On(endpoint, services);
        // Every process has this endpoint.
        endpoint.ConfigureChannel(pipe => pipe.UseFilter(new DeclareQueues()));
    });

    private static string NameOf(IEntityNameFormatter formatter, Type contract) =>
        (string)typeof(IEntityNameFormatter).GetMethod(nameof(IEntityNameFormatter.FormatEntityName))!.MakeGenericMethod(contract).Invoke(formatter, null)!;
}
