namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>The log alone tells what every version of an order looked like, wherever an order can come to and whatever happens there.</summary>
public class When_a_log_is_told
{
    [Fact]
    public void Should_show_each_version_as_it_was()
    {
        var explored = When_anything_happens_anywhere.Explored.Value;
        var told = 0;
        foreach (var node in explored.Nodes.Where(n => n.Before is not null))
            foreach (var (at, happening) in explored.Happenings(node))
            {
                List<(Progress Before, DateTimeOffset At, Happening Happening)> history = [(node.Now, at, happening)];
                for (var from = node; from.Before is not null; from = from.Before)
                    history.Insert(0, (from.Before.Now, from.At, from.Happening!));
                Compare(explored, history, node.Way);
                told++;
            }

        Assert.InRange(told, 50_000, int.MaxValue);
    }

    private static void Compare(Exploration explored, List<(Progress Before, DateTimeOffset At, Happening Happening)> history, string way)
    {
        var ends = history.ConvertAll(h => new Decider(explored.Route, explored.Patience, h.At).Decide(h.Before, h.Happening));
        var retelling = new Retelling(explored.Route, ends[^1].After.Reason);
        DateTimeOffset? endedAt = null;
        for (var i = 0; i < history.Count; i++)
        {
            var (before, at, happening) = history[i];
            var (decision, now) = (ends[i], ends[i].After);
            retelling.Hear(OrderStateMachine.Entry(Guid.Empty, i + 1, explored.Route, before, happening, decision, actor: null, at));
            endedAt = StateNames.IsEnd(now.State) ? endedAt ?? at : null;
            if (i < history.Count - 1)
                continue;
            var marks = now.Steps.Select(s => CompensatingState.Word(s == StepStatus.Nothing ? StepStatus.Undone : s));
            Assert.True(
                (now.State, now.Reason, endedAt, string.Join(' ', marks)) == (retelling.State, retelling.Reason, retelling.EndedAt, string.Join(' ', retelling.Marks)),
                $"{way}\n  {happening}: {now.State} {now.Reason} {endedAt} [{string.Join(' ', marks)}] is told as {retelling.State} {retelling.Reason} {retelling.EndedAt} [{string.Join(' ', retelling.Marks)}]");
        }
    }
}
