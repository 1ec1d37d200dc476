using MassTransit;
using MassTransit.Configuration;
using MassTransit.Saga;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Sagas;
using OrderSaga.Messaging.Scheduling;
using OrderSaga.Messaging.Steps;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Messaging;

/// <summary>The face of this room, in MassTransit's own words.</summary>
public static class ReliableMessaging
{
    private static readonly TimeSpan[] Retries = [.. new[] { 50, 200, 500, 1000, 2000 }.Select(ms => TimeSpan.FromMilliseconds(ms))];

    /// <summary>As many messages an endpoint takes at once, and as many share a commit: who takes fewer commits more often.</summary>
    public const int MostAtOnce = 64;

    /// <summary>How long the retries of a message can take: whoever waits for an answer takes silence for silence only after that.</summary>
    public static TimeSpan LongestRetry { get; } = Retries.Aggregate((a, b) => a + b);

    /// <summary>A context on its database, whose schema is brought to this version before the bus starts.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="database">The database.</param>
    /// <param name="seed">Adds the first rows, if they are missing.</param>
    /// <param name="options">More options of the context.</param>
    public static IServiceCollection AddDatabase<TDb>(
        this IServiceCollection services,
        Database database,
        Func<TDb, CancellationToken, Task>? seed = null,
        Action<IServiceProvider, DbContextOptionsBuilder>? options = null)
        where TDb : DbContext, IOwnsSchema
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(new DatabaseOf<TDb>(database));
        services.AddSingleton<GroupCommit<TDb>>();
        services.AddSingleton(provider => new ForMany<TDb>(provider.GetRequiredService<IServiceScopeFactory>(), provider.GetRequiredService<DatabaseOf<TDb>>()));
        // Made once, and lent to one scope after the other: to make a context is dearer than what most messages do with it.
        services.AddDbContextPool<TDb>((provider, builder) =>
        {
            database.Configure(builder, TDb.Schema);
            options?.Invoke(provider, builder);
        });
        services.AddSingleton<Schema>(provider =>
            new Schema<TDb>(provider.GetRequiredService<IServiceScopeFactory>(), provider.GetRequiredService<DatabaseOf<TDb>>(), seed));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SchemaStart>());
        services.AddCheckOnce<DatabaseCheck>("database");
        return services;
    }

    /// <summary>The store of what could not be handled or sent.</summary>
    public static IServiceCollection AddDeadLetters(this IServiceCollection services, Database database)
    {
        services.AddSection<DeadLetterOptions>(DeadLetterOptions.Section);
        services.AddDatabase<OpsDb>(database);
        services.AddSingleton<DeadLetterStore>();
        services.TryAddSingleton<Resend>();
        return services;
    }

    /// <summary>People look at dead letters and alerts here, and decide about them; needs <see cref="AddDeadLetters"/>.</summary>
    public static void AddOperatorsDesk(this IServiceCollection services)
    {
        services.AddSingleton<DeadLetterDesk>();
        services.AddSingleton<AlertDesk>();
        services.AddSingleton<OpsActions>();
        services.AddCheckOnce<DeadLettersCheck>("deadLetters");
    }

    /// <summary>Dead letters are kept within their bounds by this process, and replays sent that could not be; needs <see cref="AddAlerts"/>.</summary>
    public static void AddDeadLetterKeeper(this IServiceCollection services)
    {
        services.AddHostedService<DeadLetterKeeper>();
        services.AddLook<DeadLetterFigures>();
    }

    /// <summary>Alerts are taken over and delivered by this process; needs <see cref="AddDeadLetters"/>.</summary>
    public static void AddAlerts(this IServiceCollection services) => Alerting.AddAlerts(services);

    /// <summary>What this endpoint cannot handle is stored; needs <see cref="AddDeadLetters"/>.</summary>
    public static void UseDeadLetterStore(this IReceiveEndpointConfigurator endpoint, IServiceProvider services) =>
        StoreDeadLetter.On(endpoint, services);

    /// <summary>Inbox and outbox of a context; <typeparamref name="TEntry"/> is the row that is both.</summary>
    public static IServiceCollection AddReliableMessaging<TDb, TEntry>(this IServiceCollection services)
        where TDb : DbContext
        where TEntry : HandledMessage
    {
        services.AddSingleton<Outbox<TDb>, EntityFrameworkOutbox<TDb, TEntry>>();
        services.AddHostedService(provider => provider.GetRequiredService<Outbox<TDb>>());
        services.AddCheckOnce<BacklogCheck<TDb, TEntry>>("backlog");
        return services;
    }

    /// <summary>Keeps a saga in a context that has <see cref="AddReliableMessaging{TDb,TEntry}"/>.</summary>
    public static ISagaRegistrationConfigurator<TSaga> EntityFrameworkRepository<TSaga, TDb>(this ISagaRegistrationConfigurator<TSaga> saga)
        where TSaga : class, ISaga
        where TDb : DbContext
    {
        saga.Repository(r =>
        {
            r.RegisterLoadSagaRepository<TSaga, EntityFrameworkSagaRepositoryContextFactory<TSaga, TDb>>();
            r.RegisterQuerySagaRepository<TSaga, EntityFrameworkSagaRepositoryContextFactory<TSaga, TDb>>();
            r.RegisterSagaRepository<TSaga, TDb, SagaConsumeContextFactory<TDb, TSaga>, EntityFrameworkSagaRepositoryContextFactory<TSaga, TDb>>();
        });
        return saga;
    }

    /// <summary>
    /// What every bus of the project shares: names, and retries, each in a fresh scope. A conflict is no failure, only somebody else's
    /// turn, so it has many short tries of its own; an outage is waited out; other faults have a few tries.
    /// </summary>
    /// <param name="bus">The bus that is set up.</param>
    /// <param name="services">The host's, where <see cref="Standstills.AddStandstillWatch"/> may be one of them.</param>
    public static void UseReliableMessaging(this IBusFactoryConfigurator bus, IServiceProvider? services = null)
    {
        bus.MessageTopology.SetEntityNameFormatter(new KebabCase(bus.MessageTopology.EntityNameFormatter));
        bus.UseRawJsonDeserializer(RawSerializerOptions.Default);
        // By itself it indents for a reader: a third of every message, written and read for nobody.
        bus.ConfigureJsonSerializerOptions(options => options.WriteIndented ? new(options) { WriteIndented = false } : options);
        bus.ConfigureSend(pipe => pipe.UseExecute(TraceContext.Write));
        bus.ConfigurePublish(pipe => pipe.UseExecute(TraceContext.Write));
        bus.AddPrePipeSpecification(new TraceContext());
        bus.AddPrePipeSpecification(new RawJson());
        bus.AddPrePipeSpecification(new RowTimers());
        bus.UseMessageRetry(retry =>
        {
            retry.Ignore<SagaConflictException>();
            // What is wrong with the message itself stays wrong.
            retry.Ignore<ArgumentException>();
            retry.Ignore<Exception>(Outage.Is);
            // Planned for this ask: all of its tries would break.
            retry.Ignore<PlannedFaultException>();
            retry.Intervals(Retries);
        });
        bus.UseMessageRetry(retry =>
        {
            retry.Handle<SagaConflictException>();
            retry.Exponential(50, TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(5));
        });
        bus.UseMessageRetry(retry =>
        {
            retry.Handle<Exception>(Outage.Is);
            retry.Intervals(Outage.Pauses);
            if (services?.GetService<StandstillWatch>() is { } watch)
                retry.ConnectRetryObserver(watch);
        });
        EachTry.On(bus);
    }

    /// <summary>The columns that every inbox and outbox row has.</summary>
    public static void AddHandledMessage<TEntry>(this ModelBuilder model)
        where TEntry : HandledMessage
    {
        model.Entity<TEntry>().HasKey(e => new { e.OrderId, e.MessageId });
        model.Entity<TEntry>().HasIndex(e => e.At).HasFilter("outgoing IS NOT NULL").HasDatabaseName("ix_unsent");
    }
}
