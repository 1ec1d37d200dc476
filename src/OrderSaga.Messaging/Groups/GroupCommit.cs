using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Groups;

/// <summary>
/// Units of work of one process that come at the same time share a transaction: one read, one save, one commit for all of them. Who
/// comes while a group is under way is in the next one; while none is, nobody waits. The more there is to do, the more it saves.
/// </summary>
/// <remarks>
/// A member that fails leaves and is done alone, and the others begin again without it, for what it changed cannot be told from what they did.
/// If it is the save or the commit that fails, nobody knows whose fault it is: each is done alone then.
/// </remarks>
internal sealed class GroupCommit<TDb>(IServiceScopeFactory scopes, DatabaseOf<TDb> database)
    where TDb : DbContext
{
    private const int MostYields = 4;

    // Something is the matter with all of them, not with a few.
    private const int MostLeave = 3;

    private readonly Lock gate = new();
    private List<Member<TDb>> waiting = [];
    private bool isUnderWay;

    /// <summary>Whether the statements of one alone are in its trace. What many share is in nobody's.</summary>
    public bool TracesOne { get; init; } = true;

    /// <summary>Takes it along; <see cref="Member{TDb}.Outcome"/> says what came of it.</summary>
    public Task<bool> CommitAsync(Member<TDb> member)
    {
        lock (gate)
        {
            waiting.Add(member);
            if (isUnderWay)
                return member.Outcome;
            isUnderWay = true;
        }

        // The groups belong to nobody's trace, whoever happens to begin the first.
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(LeadAsync);
        return member.Outcome;
    }

    /// <summary>As above, for who runs it alone when somebody was faster.</summary>
    public async Task<bool> TryAsync(Member<TDb> member)
    {
        try
        {
            return await CommitAsync(member).ConfigureAwait(false);
        }
        catch (Exception e) when (database.Value.IsConflict(e))
        {
            return false;
        }
    }

    private async Task LeadAsync()
    {
        while (await NextAsync().ConfigureAwait(false) is [_, ..] group)
        {
            // Those who leave begin when the others are through: who was in their way must not be in the way of the others.
            var left = new List<Member<TDb>>();
            while (left.Count < MostLeave && await TryAsync(group).ConfigureAwait(false) is { } leaver && group.Remove(leaver))
                left.Add(leaver);
            left.ForEach(m => m.GoAlone());
            group.ForEach(m => m.GoAlone());
        }
    }

    private async Task<List<Member<TDb>>> NextAsync()
    {
        // While others wait for a processor, those who are about to come are among them: they go first. That is no wait where one is free.
        for (var i = 0; i < MostYields && ThreadPool.PendingWorkItemCount > 0; i++)
            await Task.Yield();
        return Next();
    }

    // In the order in which they came: the second one of a key, and all behind it, wait for the next group.
    private List<Member<TDb>> Next()
    {
        lock (gate)
        {
            var (group, others, keys) = (new List<Member<TDb>>(), new List<Member<TDb>>(), new HashSet<Guid>());
            foreach (var member in waiting.Where(m => !m.IsGone()))
                (group.Count < ReliableMessaging.MostAtOnce && keys.Add(member.Key) ? group : others).Add(member);
            waiting = others;
            isUnderWay = group.Count > 0;
            return group;
        }
    }

    private Task<Member<TDb>?> TryAsync(List<Member<TDb>> group) => TracesOne && group is [var only] ? only.InItsOriginAsync(() => LeaverAsync(group)) : LeaverAsync(group);

    // Commits all, and tells them; or returns the one that the others cannot go on with.
    private async Task<Member<TDb>?> LeaverAsync(List<Member<TDb>> group)
    {
        if (group.Count == 0)
            return null;
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<TDb>();
            await using var transaction = await db.Database.BeginWholeAsync(CancellationToken.None).ConfigureAwait(false);
            foreach (var kind in group.GroupBy(m => m.Kind))
                await kind.First().ReadAsync(db, [.. kind]).ConfigureAwait(false);
            // Looked for once, at the save, and not by each for all.
            db.ChangeTracker.AutoDetectChangesEnabled = false;
            foreach (var member in group)
                if (!await member.JoinAsync(db, withOthers: group.Count > 1).ConfigureAwait(false))
                    return member;
            db.ChangeTracker.AutoDetectChangesEnabled = true;
            await db.SaveChangesAsync().ConfigureAwait(false);
            await transaction.CommitAsync().ConfigureAwait(false);
            group.ForEach(m => m.Committed());
        }
        catch (Exception e)
        {
            // Without a database there is no sense in trying alone either.
            group.ForEach(m =>
            {
                if (group.Count == 1 || Database.IsAway(e))
                    m.Failed(e);
                else
                    m.GoAlone();
            });
        }

        return null;
    }
}
