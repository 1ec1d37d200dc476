using System.Diagnostics;
using OrderSaga.Messaging.Clock;

namespace OrderSaga.Messaging.Tests;

/// <summary>The clock of Development, as those who take their time from it see it: whatever they wait by.</summary>
public class When_the_clock_is_moved
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1), Soon = TimeSpan.FromSeconds(5);
    private readonly MovableTime time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Should_be_later_and_never_go_back()
    {
        var (now, stamp) = (time.GetUtcNow(), time.GetTimestamp());
        Assert.InRange(now - TimeProvider.System.GetUtcNow(), -Soon, Soon);
        time.MoveTo(Hour);
        Assert.InRange(time.GetUtcNow() - now, Hour, Hour + Soon);
        Assert.InRange(time.GetElapsedTime(stamp), Hour, Hour + Soon);
        time.MoveTo(Hour / 2);
        Assert.Equal(Hour, time.Ahead);
    }

    [Fact]
    public async Task Should_end_what_waits_until_then_and_nothing_else()
    {
        var (due, later) = (Task.Delay(Hour, time, Ct), Task.Delay(2 * Hour, time, Ct));
        using var patience = new CancellationTokenSource(Hour, time);
        var silence = new TaskCompletionSource().Task.WaitAsync(Hour, time, Ct);
        time.MoveTo(Hour - Soon);
        Assert.False(due.IsCompleted || patience.IsCancellationRequested || silence.IsCompleted);
        time.MoveTo(Hour);
        await due.WaitAsync(Soon, Ct);
        await Assert.ThrowsAsync<TaskCanceledException>(() => Task.Delay(Soon, patience.Token));
        await Assert.ThrowsAsync<TimeoutException>(() => silence);
        Assert.False(later.IsCompleted);
        time.MoveTo(2 * Hour);
        await later.WaitAsync(Soon, Ct);
    }

    [Fact]
    public async Task Should_let_a_period_tick_once_and_go_on()
    {
        using var timer = new PeriodicTimer(Hour, time);
        for (var n = 1; n <= 3; n++)
        {
            var tick = timer.WaitForNextTickAsync(Ct).AsTask();
            Assert.False(tick.IsCompleted);
            time.MoveTo(n * 10 * Hour);
            Assert.True(await tick.WaitAsync(Soon, Ct));
        }
    }

    [Fact]
    public async Task Should_pass_by_itself_too()
    {
        time.MoveTo(Hour);
        var watch = Stopwatch.StartNew();
        await Task.Delay(TimeSpan.FromMilliseconds(200), time, Ct);
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(150), Soon);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50), time);
        for (var n = 0; n < 3; n++)
            Assert.True(await timer.WaitForNextTickAsync(Ct).AsTask().WaitAsync(Soon, Ct));
    }

    [Fact]
    public async Task Should_leave_alone_what_was_taken_back_or_set_anew()
    {
        var (ran, again) = (0, new TaskCompletionSource());
        var gone = time.CreateTimer(_ => ran++, null, Hour, Timeout.InfiniteTimeSpan);
        await gone.DisposeAsync();
        Assert.False(gone.Change(Hour, Hour));
        await using var off = time.CreateTimer(_ => ran++, null, Hour, Hour);
        Assert.True(off.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
        await using var anew = time.CreateTimer(_ => again.SetResult(), null, Hour, Timeout.InfiniteTimeSpan);
        time.MoveTo(Hour / 2);
        Assert.True(anew.Change(Hour, Timeout.InfiniteTimeSpan));
        time.MoveTo(Hour + TimeSpan.FromMinutes(20));
        Assert.False(again.Task.IsCompleted);
        time.MoveTo(2 * Hour);
        await again.Task.WaitAsync(Soon, Ct);
        Assert.Equal((0, 0), (ran, time.Timers));
    }

    [Fact]
    public async Task Should_forget_a_timer_that_has_run()
    {
        // Never disposed, as a forgotten CancellationTokenSource is.
        using var never = new SemaphoreSlim(0);
        foreach (var _ in Enumerable.Range(0, 100))
            time.CreateTimer(s => ((SemaphoreSlim)s!).Release(), never, Hour, Timeout.InfiniteTimeSpan);
        Assert.Equal(100, time.Timers);
        time.MoveTo(Hour);
        foreach (var _ in Enumerable.Range(0, 100))
            Assert.True(await never.WaitAsync(Soon, Ct));
        Assert.Equal(0, time.Timers);
    }
}
