using System.Collections.Concurrent;
using System.Diagnostics;
using MassTransit;
using OrderSaga.Messaging;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Services.Tests;

/// <summary>Tells by the conversation which answer belongs to which command, even if a command is sent twice under one id.</summary>
internal sealed class Answers : IPublishObserver, IReceiveObserver
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly ConcurrentDictionary<Guid, Ask> asks = new();
    private readonly List<Answer> said = [];
    private readonly List<(Func<Answer, bool> Wanted, int Number, TaskCompletionSource<Answer> Heard)> listeners = [];

    /// <summary>The kind of message before which the process dies, once.</summary>
    public Type? CrashBefore { get; set; }

    public IReadOnlyList<Answer> Said
    {
        get
        {
            lock (said)
                return [.. said];
        }
    }

    /// <summary>The answer of this number among those that are wanted.</summary>
    public Task<Answer> HearAsync(Func<Answer, bool> wanted, int number)
    {
        var heard = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (said)
        {
            listeners.Add((wanted, number, heard));
            Tell();
        }

        return heard.Task;
    }

    public async Task<Answer> AskAsync<T>(IBus bus, T command, Guid? commandId = null, bool crashBeforeAnswer = false)
        where T : class
    {
        var id = commandId ?? NewId.NextGuid();
        for (var since = Stopwatch.StartNew(); since.Elapsed < Patience; crashBeforeAnswer = false)
        {
            if (await AskOnceAsync(bus, command, id, crashBeforeAnswer) is { } answer)
                return answer;
            // Somebody else is at this step, and whoever needs an answer asks again.
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        throw new TimeoutException($"{command} is not answered.");
    }

    /// <summary>Null if the message was handled without an answer.</summary>
    public async Task<Answer?> AskOnceAsync<T>(IBus bus, T command, Guid? commandId = null, bool crashBeforeAnswer = false)
        where T : class
    {
        var sagaId = SagaMessage<T>.SagaId(command);
        var ask = Expect(commandId ?? NewId.NextGuid(), crashBeforeAnswer);
        await bus.Publish(command, context =>
        {
            SagaHeaders.Mark(context, sagaId, typeof(T).Name, typeof(T).Name);
            context.MessageId = ask.CommandId;
            context.ConversationId = ask.Conversation;
        });
        await Task.WhenAny(ask.Answered.Task, ask.Handled.Task).WaitAsync(Patience, TestContext.Current.CancellationToken);
        return ask.Answered.Task.IsCompleted ? await ask.Answered.Task : null;
    }

    private Ask Expect(Guid commandId, bool crash)
    {
        var ask = new Ask(NewId.NextGuid(), commandId) { CrashIsDue = crash };
        asks[ask.Conversation] = ask;
        return ask;
    }

    /// <summary>A crash between the commit and the answer: the work is done, nothing goes out, the message is delivered again.</summary>
    public void CrashIfTold(PublishContext context)
    {
        if (CrashBefore is { } type && context.SupportedMessageTypes.Any(t => t.EndsWith($":{type.Name}", StringComparison.Ordinal)))
        {
            CrashBefore = null;
            throw new InvalidOperationException("The process died before it could say that.");
        }

        if (Find(context) is not { CrashIsDue: true } ask)
            return;
        ask.CrashIsDue = false;
        throw new InvalidOperationException("The process died before it could answer.");
    }

    public Task PrePublish<T>(PublishContext<T> context)
        where T : class
        => Task.CompletedTask;

    public Task PostPublish<T>(PublishContext<T> context)
        where T : class
    {
        var answer = new Answer(context.Message, context.MessageId, context.CorrelationId, new Dictionary<string, object>(context.Headers.GetAll()));
        lock (said)
        {
            said.Add(answer);
            Tell();
        }

        if (Find(context) is not { } ask)
            return Task.CompletedTask;
        if (context.Message is Fault fault)
            ask.Answered.TrySetException(new InvalidOperationException(string.Join('\n', fault.Exceptions.Select(Told))));
        else
            ask.Answered.TrySetResult(answer);
        return Task.CompletedTask;

        static string Told(ExceptionInfo e) => $"{e.ExceptionType}: {e.Message}\n{e.StackTrace}";
    }

    public Task PublishFault<T>(PublishContext<T> context, Exception exception)
        where T : class
        => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
        where T : class
    {
        if (context.ConversationId is { } conversation && asks.TryGetValue(conversation, out var ask) && context.MessageId == ask.CommandId)
            ask.Handled.TrySetResult();
        return Task.CompletedTask;
    }

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
        where T : class
        => Task.CompletedTask;

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;

    private void Tell()
    {
        foreach (var (wanted, number, heard) in listeners)
            if (!heard.Task.IsCompleted && said.Where(wanted).Skip(number - 1).FirstOrDefault() is { } answer)
                heard.TrySetResult(answer);
    }

    private Ask? Find(PublishContext context) =>
        context.ConversationId is { } conversation && asks.TryGetValue(conversation, out var ask) && context.MessageId != ask.CommandId
            ? ask
            : null;

    internal sealed record Ask(Guid Conversation, Guid CommandId)
    {
        public TaskCompletionSource<Answer> Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Handled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool CrashIsDue { get; set; }
    }
}

/// <summary>Keeps what is logged as a warning or worse.</summary>
internal sealed class Warnings : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> all = [];

    public IReadOnlyList<string> All => [.. all];

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            all.Enqueue(formatter(state, exception));
    }

    public void Dispose()
    {
    }
}

/// <summary>Tells when a message that nobody answers has been handled by all who listen to it.</summary>
internal sealed class Endings : IReceiveObserver
{
    private readonly ConcurrentDictionary<Guid, Ending> endings = new();

    public Ending Expect(int handlers)
    {
        var ending = new Ending(NewId.NextGuid(), handlers);
        endings[ending.MessageId] = ending;
        return ending;
    }

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
        where T : class
    {
        if (context.MessageId is { } id && endings.TryGetValue(id, out var ending))
            ending.CountDown();
        return Task.CompletedTask;
    }

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
        where T : class
        => Task.CompletedTask;

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;

    internal sealed class Ending(Guid messageId, int handlers)
    {
        private readonly TaskCompletionSource handled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int open = handlers;

        public Guid MessageId => messageId;

        public Task Handled => handled.Task;

        public void CountDown()
        {
            if (Interlocked.Decrement(ref open) == 0)
                handled.SetResult();
        }
    }
}
