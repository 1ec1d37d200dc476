using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

public sealed class When_orders_are_taken_in : IAsyncLifetime
{
    private TestDatabase database = null!;
    private Node node = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        node = await Node.StartAsync(database);
        node.They.IsSilent("CreateOrder");
    }

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_answer_with_what_will_be_read()
    {
        node.Time.Set(TimeSpan.FromTicks(3));
        var accepted = await node.Intake.SubmitAsync(Participants.Order(Guid.Empty), "key-1", Ct);
        Assert.Equal(JsonSerializer.Serialize(await node.Queries.FindAsync(accepted.OrderId, Ct)), JsonSerializer.Serialize(accepted.New));
        Assert.False(accepted.Replayed);
    }

    [Fact]
    public async Task Should_tell_many_that_come_at_once_apart_by_customer_and_key()
    {
        var (once, ann) = (Participants.Order(Guid.Empty), new Customer("ann", "ann@example.org"));
        var asked = (from customer in new[] { once.Customer, ann } from key in Enumerable.Range(1, 12) select (Order: once with { Customer = customer }, Key: $"key-{key}")).ToList();
        Task<Accepted> SubmitAsync((SubmitOrder Order, string Key) ask) => node.Intake.SubmitAsync(ask.Order, ask.Key, Ct);
        var first = await Task.WhenAll(asked.Concat(asked).Select(SubmitAsync));
        Assert.Equal(24, first.Select(a => a.OrderId).Distinct().Count());
        Assert.Equal(24, first.Count(a => !a.Replayed));
        Assert.Equal(first[..24].Select(a => a.OrderId), first[24..].Select(a => a.OrderId));

        // What is wrong with one of them is told to that one.
        var again = asked.Select((ask, i) => SubmitAsync((i == 5 ? ask.Order with { Currency = "USD" } : ask.Order, ask.Key))).ToList();
        await Assert.ThrowsAsync<IdempotencyKeyReusedException>(() => again[5]);
        again.RemoveAt(5);
        Assert.All(await Task.WhenAll(again), a => Assert.True(a.Replayed));
        Assert.Equal(24, await node.ReadAsync(db => db.Orders.CountAsync(Ct)));
    }
}
