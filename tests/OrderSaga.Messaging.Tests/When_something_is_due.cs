using Microsoft.Extensions.Logging.Abstractions;

namespace OrderSaga.Messaging.Tests;

/// <summary>What is done as soon as it is due.</summary>
public class When_something_is_due
{
    [Fact]
    public async Task Should_be_done_though_the_clock_was_moved_while_it_was_looked_for_and_stands_still_now()
    {
        var time = new ManualTime();
        var (due, done) = (time.GetUtcNow() + TimeSpan.FromHours(1), new TaskCompletionSource());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var looking = time.WhenDueAsync(TimeSpan.FromDays(1), new Doorbell(), Look, NullLogger.Instance, "Looking", stop.Token);
        await done.Task.WaitAsync(TimeSpan.FromSeconds(30), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => looking);

        Task<DateTimeOffset?> Look()
        {
            if (time.GetUtcNow() >= due)
                done.TrySetResult();
            else
                time.Advance(TimeSpan.FromHours(1));
            return Task.FromResult<DateTimeOffset?>(due);
        }
    }
}
