namespace OrderSaga.Orchestrator.Tests.Core;

public class When_a_row_is_written
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly OrderState order = new();

    /// An index is by it, so an event that finds it right leaves it as it is.
    [Fact]
    public void Should_say_before_when_no_timer_is_due_and_change_that_only_when_it_must()
    {
        Assert.Equal(At(20), Written(now: 0, due: 20));
        Assert.Equal(At(20), Written(now: 1, due: 21));
        Assert.Equal(At(15), Written(now: 2, due: 15));
        Assert.Equal(At(15), Written(now: 14, due: 34));
        Assert.Equal(At(45), Written(now: 15, due: 45));
        Assert.Equal(At(45), Written(now: 30, due: null));
        Assert.Equal(DateTimeOffset.MaxValue, Written(now: 50, due: null));
        Assert.Equal(At(70), Written(now: 60, due: 70));
        Assert.Null(Written(now: 61, due: null, asked: false));
        Assert.Equal(At(90), Written(now: 62, due: 90));
    }

    private static DateTimeOffset At(int seconds) => Start.AddSeconds(seconds);

    private DateTimeOffset? Written(int now, int? due, bool asked = true)
    {
        order.Take(
            Progress.New(Table.Whole) with
            {
                State = asked ? StateNames.Pending : StateNames.Failed,
                Asked = asked ? new(Direction.Do, 0, 1) : null,
                Deadline = due is { } seconds ? At(seconds) : asked ? At(now + 1) : null,
                PausedAt = asked && due is null ? At(now) : null,
            },
            Table.Whole, At(now));
        return order.NotDueBefore;
    }
}
