namespace OrderSaga.Messaging.Tests.Steps.Support;

/// <summary>Says that something has changed, so that a test can wait for what it looks for without asking again and again.</summary>
internal sealed class Signal
{
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Changed() => Interlocked.Exchange(ref changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    public Task UntilAsync(Func<bool> holds, string what) => UntilAsync(holds, () => what);

    public async Task UntilAsync(Func<bool> holds, Func<string> what)
    {
        while (true)
        {
            var next = Volatile.Read(ref changed).Task;
            if (holds())
                return;
            var late = Task.Delay(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            Assert.True(await Task.WhenAny(next, late) == next, $"It did not come to this: {what()}.");
        }
    }
}
