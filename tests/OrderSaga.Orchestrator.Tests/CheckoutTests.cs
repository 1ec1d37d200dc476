using MassTransit;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

public class When_everyone_agrees
{
    [Fact]
    public async Task Should_complete_and_tell_everyone_once()
    {
        await using var checkout = await Checkout.Where().Submitted();
        await checkout.Reaches("Complete");
        checkout.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation");
        Assert.Equal(7.98m, checkout.Row.Total);
        Assert.Single(checkout.Harness.Published.Select<CheckoutCompleted>(TestContext.Current.CancellationToken).ToList());
    }

    [Fact]
    public async Task Should_mark_every_message_with_saga_step_and_key()
    {
        await using var checkout = await Checkout.Where().Submitted();
        await checkout.Reaches("Complete");
        var commands = checkout.Harness.Published.Select(p => Participants.Agree.ContainsKey(p.MessageType), TestContext.Current.CancellationToken).ToList();
        Assert.Equal(6, commands.Count);
        Assert.All(commands, p =>
        {
            var headers = p.Context.Headers;
            Assert.Equal(checkout.OrderId.ToString(), headers.Get<string>(SagaHeaders.SagaId));
            Assert.Equal(p.MessageType.Name, headers.Get<string>(SagaHeaders.Step));
            Assert.Equal($"saga:{checkout.OrderId}:{p.MessageType.Name}", headers.Get<string>(SagaHeaders.Key));
            Assert.Equal(checkout.OrderId, p.Context.CorrelationId);
        });
        Assert.Equal(6, commands.Select(p => p.Context.MessageId).Distinct().Count());
    }
}

public class When_payment_is_refused
{
    [Fact]
    public async Task Should_undo_what_was_done_backwards()
    {
        await using var checkout = await Checkout.Where(p => p.Refuses("ChargePayment", "CARD_DECLINED")).Submitted();
        await checkout.Reaches("Compensated");
        checkout.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        Assert.Equal("CARD_DECLINED", checkout.Row.Reason);
        Assert.Equal("done done done refused".Replace("done", "undone", StringComparison.Ordinal) + " waiting waiting", checkout.Row.Steps);
        Assert.Single(checkout.Harness.Published.Select<CheckoutCompensated>(TestContext.Current.CancellationToken).ToList());
    }
}

public class When_an_order_is_submitted_twice
{
    [Fact]
    public async Task Should_run_it_once()
    {
        await using var checkout = await Checkout.Where().Submitted();
        await checkout.Reaches("Complete");
        await checkout.Harness.Bus.Publish(Participants.Order(checkout.OrderId), TestContext.Current.CancellationToken);
        Assert.True(await checkout.Saga.Consumed.Any<SubmitOrder>(TestContext.Current.CancellationToken));
        await checkout.Harness.InactivityTask;
        checkout.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation");
    }

    [Fact]
    public async Task Should_fault_when_the_content_is_another()
    {
        await using var checkout = await Checkout.Where().Submitted();
        await checkout.Reaches("Complete");
        await checkout.Harness.Bus.Publish(Participants.Order(checkout.OrderId) with { Currency = "USD" }, TestContext.Current.CancellationToken);
        Assert.True(await checkout.Harness.Published.Any<Fault<SubmitOrder>>(TestContext.Current.CancellationToken));
        Assert.Equal("Complete", checkout.Row.CurrentState);
    }
}

public class When_an_answer_meets_no_order
{
    [Fact]
    public async Task Should_be_a_fault_and_not_be_swallowed()
    {
        await using var checkout = await Checkout.Where().Submitted();
        await checkout.Harness.Bus.Publish(new OrderCreated(Guid.NewGuid()), TestContext.Current.CancellationToken);
        Assert.True(await checkout.Harness.Published.Any<Fault<OrderCreated>>(TestContext.Current.CancellationToken));
    }
}
