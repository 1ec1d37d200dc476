using MassTransit;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

// Who is in a group, and who sees when messages begin to be handled.
public abstract partial class GroupKit
{
    private sealed class Unit(Guid? key = null, CancellationToken ct = default) : Member<CounterDb>(key ?? Guid.NewGuid(), ct)
    {
        private static int order;

        public Guid MessageId { get; init; } = Guid.NewGuid();

        public bool Throws { get; init; }

        public bool Shares { get; init; } = true;

        public TaskCompletionSource? Waits { get; init; }

        public TaskCompletionSource Began { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string? SeenFrom { get; private set; }

        public string? ReadFrom { get; private set; }

        public int Changed { get; private set; }

        public int Order { get; private set; }

        public int ReadFor { get; private set; }

        public override Task ReadAsync(CounterDb db, IReadOnlyList<Member<CounterDb>> ofItsKind)
        {
            ReadFor += ofItsKind.Count;
            ReadFrom = Origin.Value;
            return Task.CompletedTask;
        }

        protected override async Task<bool> ChangeAsync(CounterDb db)
        {
            Changed++;
            SeenFrom = Origin.Value;
            Order = Interlocked.Increment(ref order);
            db.Add(new HandledMessage { MessageId = MessageId, At = TimeProvider.System.GetUtcNow() });
            Began.TrySetResult();
            if (Waits is { } held)
                await held.Task;
            return Throws ? throw new InvalidOperationException("It is not to be.") : Shares;
        }
    }

    private sealed class Started : IConsumeObserver
    {
        private int times;

        public int Times => times;

        public Task PreConsume<T>(ConsumeContext<T> context)
            where T : class
        {
            Interlocked.Increment(ref times);
            return Task.CompletedTask;
        }

        public Task PostConsume<T>(ConsumeContext<T> context)
            where T : class
            => Task.CompletedTask;

        public Task ConsumeFault<T>(ConsumeContext<T> context, Exception exception)
            where T : class
            => Task.CompletedTask;
    }
}
