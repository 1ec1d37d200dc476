using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Steps;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class GroupsOnPostgres() : GroupKit(TestServer.Postgres);

public sealed class GroupsOnSqlServer() : GroupKit(TestServer.SqlServer);

/// <summary>What comes at the same time shares a commit, and nobody pays for what is wrong with another.</summary>
public abstract partial class GroupKit(TestServer server) : IAsyncLifetime
{
    private static readonly AsyncLocal<string> Origin = new();
    private ServerDatabase database = null!;
    private Node node = null!;
    private int before;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private int Commits => node.Roundtrips.Commits - before;

    private GroupCommit<CounterDb> Groups => node.Services.GetRequiredService<GroupCommit<CounterDb>>();

    public async ValueTask InitializeAsync()
    {
        database = await server.CreateAsync();
        node = await Node.StartAsync(database);
        before = node.Roundtrips.Commits;
    }

    public async ValueTask DisposeAsync()
    {
        if (node is not null)
            await node.DisposeAsync();
        if (database is not null)
            await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Should_not_wait_when_nothing_is_under_way()
    {
        for (var i = 1; i <= 3; i++)
        {
            Assert.True(await Groups.CommitAsync(new Unit()));
            Assert.Equal(i, Commits);
        }
    }

    [Fact]
    public async Task Should_commit_together_what_comes_while_a_group_is_under_way()
    {
        var (units, outcomes) = await InOneGroupAsync([.. Enumerable.Range(0, 20).Select(_ => new Unit())]);
        Assert.All(outcomes, o => Assert.True(o.Result));
        // The one that they waited for, and theirs.
        Assert.Equal(2, Commits);
        Assert.Equal(20, units[0].ReadFor);
        await AreKeptAsync(units);
    }

    [Fact]
    public async Task Should_commit_the_others_when_one_throws()
    {
        var (units, outcomes) = await InOneGroupAsync(new Unit(), new Unit { Throws = true }, new Unit(), new Unit { Throws = true }, new Unit());
        Assert.Equal("True, False, True, False, True", string.Join(", ", await Task.WhenAll(outcomes)));
        Assert.Equal(2, Commits);
        await AreKeptAsync([units[0], units[2], units[4]]);
    }

    [Fact]
    public async Task Should_send_those_out_that_would_rather_be_alone()
    {
        var (units, outcomes) = await InOneGroupAsync(new Unit(), new Unit { Shares = false }, new Unit());
        Assert.Equal("True, False, True", string.Join(", ", await Task.WhenAll(outcomes)));
        await AreKeptAsync([units[0], units[2]]);
    }

    [Fact]
    public async Task Should_do_each_alone_when_the_save_fails()
    {
        var duplicate = Guid.NewGuid();
        Assert.True(await Groups.CommitAsync(new Unit { MessageId = duplicate }));
        var (_, outcomes) = await InOneGroupAsync(new Unit(), new Unit { MessageId = duplicate }, new Unit());
        Assert.All(await Task.WhenAll(outcomes), Assert.False);
        Assert.Equal(2, Commits);
        Assert.Equal(2, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
    }

    [Fact]
    public async Task Should_do_all_alone_when_too_many_leave()
    {
        var (units, outcomes) = await InOneGroupAsync([.. Enumerable.Range(0, 9).Select(i => new Unit { Throws = i % 2 == 0 })]);
        Assert.All(outcomes, o => Assert.False(o.Result));
        // Nobody was made to begin again and again.
        Assert.All(units, u => Assert.InRange(u.Changed, 0, 3));
    }

    [Fact]
    public async Task Should_tell_the_only_one_what_was_wrong()
    {
        var duplicate = new Unit();
        Assert.True(await Groups.CommitAsync(duplicate));
        await Assert.ThrowsAsync<DbUpdateException>(() => Groups.CommitAsync(new Unit { MessageId = duplicate.MessageId }));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Groups.CommitAsync(new Unit { Throws = true }));
    }

    [Fact]
    public async Task Should_keep_two_of_one_key_apart_and_in_their_order()
    {
        var key = Guid.NewGuid();
        var (units, outcomes) = await InOneGroupAsync(new Unit(key), new Unit(), new Unit(key), new Unit(), new Unit(key));
        Assert.All(outcomes, o => Assert.True(o.Result));
        Assert.Equal(4, Commits);
        // The others do not wait for those that have to.
        Assert.Equal([0, 1, 3, 2, 4], Enumerable.Range(0, 5).OrderBy(i => units[i].Order));
    }

    [Fact]
    public async Task Should_bound_a_group()
    {
        var (units, outcomes) = await InOneGroupAsync([.. Enumerable.Range(0, 150).Select(_ => new Unit())]);
        Assert.All(outcomes, o => Assert.True(o.Result));
        Assert.Equal(4, Commits);
        await AreKeptAsync(units);
    }

    [Fact]
    public async Task Should_forget_those_that_nobody_waits_for_any_more()
    {
        using var gone = new CancellationTokenSource();
        var going = InOneGroupAsync(() => gone.Cancel(), new Unit(), new Unit(ct: gone.Token), new Unit());
        var (units, outcomes) = await going;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => outcomes[1]);
        Assert.Equal((0, 1, 1), (units[1].Changed, units[0].Changed, units[2].Changed));
        await AreKeptAsync([units[0], units[2]]);
    }

    [Fact]
    public async Task Should_run_each_in_the_trace_that_it_came_from()
    {
        var units = Enumerable.Range(0, 5).Select(i =>
        {
            Origin.Value = $"trace {i}";
            return new Unit();
        }).ToArray();
        Origin.Value = "the first one's";
        await InOneGroupAsync(units);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"trace {i}"), units.Select(u => u.SeenFrom));
    }

    [Fact]
    public async Task Should_do_all_that_one_alone_does_in_its_own_trace()
    {
        Origin.Value = "its own";
        var unit = new Unit();
        Origin.Value = "another's";
        Assert.True(await Groups.CommitAsync(unit));
        Assert.Equal(("its own", "its own"), (unit.ReadFrom, unit.SeenFrom));
    }

    [Fact]
    public async Task Should_handle_messages_of_many_sagas_in_few_commits_and_fail_only_what_is_wrong()
    {
        var good = Enumerable.Range(0, 11).Select(_ => Guid.NewGuid()).ToList();
        await HeldUpAsync(12, () => Task.WhenAll([.. good.Select(c => node.CountAsync(c, 3)), node.CountAsync(Guid.NewGuid(), 0)]));
        await node.Heard.NextAsync(12);
        Assert.Equal(good.Order(), node.Heard.All.Where(h => h.Total == 3).Select(h => h.SagaId).Order());
        Assert.Equal(-1, Assert.Single(node.Heard.All, h => h.Total != 3).Total);
        Assert.Equal(good.Count, await node.InDatabaseAsync(db => db.Set<Counter>().CountAsync(c => c.Total == 3, Ct)));
        Assert.Equal(good.Count, await node.InDatabaseAsync(db => db.Set<Counter>().CountAsync(Ct)));
        // The one that held them up, theirs, and perhaps one of somebody who was late.
        Assert.InRange(Commits, 2, 4);
    }

    [Fact]
    public async Task Should_take_in_many_in_few_commits_and_none_twice()
    {
        var entries = Enumerable.Range(0, 20).Select(i => (Message: Guid.NewGuid(), Key: Guid.NewGuid())).ToList();
        // They come while another one is under way.
        var (began, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        var first = node.Services.GetRequiredService<Outbox<CounterDb>>().RunAsync(async (_, _) =>
        {
            began.TrySetResult();
            await goOn.Task;
            return true;
        }, Ct, shares: new(Guid.NewGuid()));
        await began.Task;
        // Twice under its key, and twice under keys that do not tell that it is the same.
        List<Task<bool>> taken = [.. entries.Append(entries[0]).Append((entries[1].Message, Guid.NewGuid())).Select(TakeInAsync)];
        goOn.SetResult();
        Assert.True(await first);
        Assert.Equal(20, (await Task.WhenAll(taken)).Count(isNew => isNew));
        await node.Heard.NextAsync(20);
        Assert.Equal(entries.Select(e => e.Message).Order(), node.Heard.All.Select(h => h.SagaId).Order());
        Assert.InRange(Commits, 2, 5);
    }

    [Fact]
    public async Task Should_take_in_while_a_commit_of_messages_is_under_way()
    {
        var id = Guid.NewGuid();
        await HeldUpAsync(0, async () => Assert.True(await TakeInAsync((id, id)).WaitAsync(TimeSpan.FromSeconds(10), Ct)));
        await node.Heard.NextAsync();
        Assert.Equal(id, Assert.Single(node.Heard.All).SagaId);
    }

    [Fact]
    public async Task Should_absorb_duplicates_among_messages_of_others()
    {
        var (counters, messages) = (Enumerable.Range(0, 8).Select(_ => Guid.NewGuid()).ToList(), Enumerable.Range(0, 8).Select(_ => Guid.NewGuid()).ToList());
        await Task.WhenAll(Enumerable.Range(0, 32).Select(i => node.CountAsync(counters[i % 8], 2, messages[i % 8])));
        await Task.WhenAll(counters.Select(c => node.CountAsync(c, 1)));
        await Eventually.HoldsAsync(() => node.InDatabaseAsync(async db => await db.Set<Counter>().CountAsync(c => c.Total == 3, Ct) == 8), "8 totals of 3");
        Assert.Equal(16, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
        Assert.Empty(await node.DeadLettersAsync());
    }

    [Fact]
    public async Task Should_do_the_steps_of_many_orders_in_few_commits()
    {
        var orders = Enumerable.Range(0, 12).Select(_ => Guid.NewGuid()).ToList();
        await HeldUpAsync(12, () => Task.WhenAll(orders.Select(o => node.Bus.Publish(new Enter(o, "entries"), Ct))));
        await node.Heard.NextAsync(12);
        Assert.Equal(12, await EntriesAsync());
        Assert.InRange(Commits, 2, 4);
        Assert.Equal(12, await node.InDatabaseAsync(db => db.Set<StepLogEntry>().CountAsync(Ct)));
    }

    [Fact]
    public async Task Should_settle_do_and_undo_of_many_orders_that_race()
    {
        var orders = Enumerable.Range(0, 10).Select(_ => Guid.NewGuid()).ToList();
        await HeldUpAsync(0, () => Task.WhenAll(orders.SelectMany(o => new[]
        {
            node.Bus.Publish(new Enter(o, "entries"), Ct), node.Bus.Publish(new Withdraw(o), Ct), node.Bus.Publish(new Enter(o, "entries"), Ct), node.Bus.Publish(new Withdraw(o), Ct),
        })));
        await Eventually.HoldsAsync(() => Task.FromResult(node.Heard.All.Count(h => h.Contract == nameof(Withdrawn)) == 20), "every undo confirmed");
        Assert.Equal(0, await EntriesAsync());
        Assert.Equal(20, await node.InDatabaseAsync(db => db.Set<StepLogEntry>().CountAsync(Ct)));
        Assert.Empty(await node.DeadLettersAsync());
    }

    private Task<int> EntriesAsync() => node.InDatabaseAsync(db => db.Set<Tally>().Where(t => t.Name == "entries").Select(t => t.Total).SingleAsync(Ct));

    private Task<bool> TakeInAsync((Guid Message, Guid Key) entry) => node.Services.GetRequiredService<Outbox<CounterDb>>().RunAsync(async (db, session) =>
    {
        if (await db.Set<HandledMessage>().AnyAsync(m => m.MessageId == entry.Message, Ct))
            return false;
        session.Entry = new HandledMessage { MessageId = entry.Message, At = TimeProvider.System.GetUtcNow() };
        await session.Publisher.Publish(new Counted(entry.Message, 4), Ct);
        return true;
    }, Ct, shares: new(entry.Key));

    // So many messages begin to be handled while a group is under way.
    private async Task HeldUpAsync(int messages, Func<Task> publish)
    {
        var started = new Started();
        using var watch = node.Services.GetRequiredService<IBusControl>().ConnectConsumeObserver(started);
        var held = new Unit { Waits = new() };
        var holding = Groups.CommitAsync(held);
        await held.Began.Task;
        await publish();
        await Eventually.HoldsAsync(() => Task.FromResult(started.Times >= messages), "all are being handled");
        held.Waits.SetResult();
        Assert.True(await holding);
    }

    private Task<(IReadOnlyList<Unit> Units, IReadOnlyList<Task<bool>> Outcomes)> InOneGroupAsync(params Unit[] units) => InOneGroupAsync(() => { }, units);

    // They come while another one is under way.
    private async Task<(IReadOnlyList<Unit> Units, IReadOnlyList<Task<bool>> Outcomes)> InOneGroupAsync(Action meanwhile, params Unit[] units)
    {
        var (commits, held) = (Commits, new Unit { Waits = new() });
        var holding = Groups.CommitAsync(held);
        await held.Began.Task;
        var outcomes = units.Select(Groups.CommitAsync).ToList();
        meanwhile();
        Assert.Equal(commits, Commits);
        held.Waits.SetResult();
        Assert.True(await holding);
        await Task.WhenAll(outcomes).ContinueWith(_ => { }, TaskScheduler.Default);
        return (units, outcomes);
    }

    private async Task AreKeptAsync(IReadOnlyList<Unit> units)
    {
        var kept = await node.InDatabaseAsync(db => db.Set<HandledMessage>().Select(m => m.MessageId).ToListAsync(Ct));
        Assert.Superset(units.Select(u => u.MessageId).ToHashSet(), kept.ToHashSet());
        Assert.InRange(kept.Count, units.Count, units.Count + 1);
    }
}
