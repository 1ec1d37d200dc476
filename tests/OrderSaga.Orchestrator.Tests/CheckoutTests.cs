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
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation");
        Assert.Equal(7.98m, checkout.Row.Total);
        Assert.True(await checkout.Harness.Published.Any<CheckoutCompleted>(TestContext.Current.CancellationToken));
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
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        Assert.Equal("CARD_DECLINED", checkout.Row.Reason);
        Assert.Equal("undone undone undone refused waiting waiting", checkout.Row.Steps);
        Assert.True(await checkout.Harness.Published.Any<CheckoutCompensated>(TestContext.Current.CancellationToken));
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
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation");
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

public class When_steps_are_optional
{
    [Fact]
    public async Task Should_take_them_by_switch_and_by_the_order()
    {
        await using var checkout = await Checkout.Where(options: o => o.Steps["CheckFraud"] = true).Submitted(o => o with { GiftWrap = true });
        await checkout.Reaches("Complete");
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice WrapGift CheckFraud ChargePayment CreateShipment SendConfirmation");
    }

    [Fact]
    public async Task Should_charge_the_quote_when_no_price_is_frozen()
    {
        await using var checkout = await Checkout.Where(options: o => o.Steps["FreezePrice"] = o.Steps["CreateShipment"] = false).Submitted();
        await checkout.Reaches("Complete");
        checkout.They.Asked("CreateOrder ReserveInventory ChargePayment SendConfirmation");
        Assert.Equal(2 * 3.99m, checkout.Row.Total);
    }

    [Fact]
    public async Task Should_keep_the_route_that_the_order_started_with()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("CreateOrder"));
        await checkout.Submitted();
        await checkout.They.IsAsked("CreateOrder");
        checkout.Options.Steps["CheckFraud"] = true;
        checkout.Options.Steps["CreateShipment"] = false;
        await checkout.Hears(new OrderCreated(checkout.OrderId));
        await checkout.Reaches("Complete");
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation");
    }
}

public class When_time_passes
{
    private static readonly TimeSpan Ask = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Should_ask_again_under_the_same_key_and_then_turn_back_at_the_silent_step()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("ChargePayment"));
        await checkout.Submitted();
        for (var n = 1; n <= 3; n++)
        {
            await checkout.They.IsAsked("ChargePayment", n);
            await Scheduled(checkout, Ask);
            await checkout.After(Ask);
        }

        await checkout.Reaches("Compensated");
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment ChargePayment ChargePayment RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        var asks = checkout.Harness.Published.Select<ChargePayment>(TestContext.Current.CancellationToken).ToList();
        Assert.Single(asks.Select(a => a.Context.Headers.Get<string>(SagaHeaders.Key)).Distinct());
        Assert.Equal(3, asks.Select(a => a.Context.MessageId).Distinct().Count());
        Assert.Equal("STEP_SILENT", checkout.Row.Reason);
        Assert.Empty(checkout.Timers);
    }

    [Fact]
    public async Task Should_leave_one_timer_while_under_way_and_none_at_rest()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("CreateShipment"));
        await checkout.Submitted();
        await checkout.They.IsAsked("CreateShipment");
        await Scheduled(checkout, Ask);
        checkout.They.Wakes("CreateShipment");
        await checkout.After(Ask);
        await checkout.Reaches("Complete");
        await Script.Until(() => !checkout.Timers.Any());
    }

    [Fact]
    public async Task Should_wait_longer_for_a_step_that_says_it_is_still_at_work()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("CreateShipment"));
        await checkout.Submitted();
        await checkout.They.IsAsked("CreateShipment");
        await Scheduled(checkout, Ask);
        await checkout.Hears(new StepProgress(checkout.OrderId, "CreateShipment", new DateTimeOffset(2026, 1, 1, 18, 0, 0, TimeSpan.Zero)));
        await Scheduled(checkout, TimeSpan.FromHours(6));
        await checkout.After(TimeSpan.FromHours(5));
        await checkout.Hears(new ShipmentCreated(checkout.OrderId, "L-1"));
        await checkout.Reaches("Complete");
        Assert.Single(checkout.Harness.Published.Select<CreateShipment>(TestContext.Current.CancellationToken).ToList());
    }

    [Fact]
    public async Task Should_try_a_faulted_undo_again_after_growing_pauses_and_then_leave_it_to_a_person()
    {
        await using var checkout = Checkout.Where(c =>
        {
            c.Refuses("CreateShipment", "BAD_ADDRESS");
            c.IsBroken("RefundPayment");
        });
        await checkout.Submitted();
        for (var n = 1; n <= 5; n++)
        {
            await checkout.They.IsAsked("RefundPayment", n);
            await Scheduled(checkout, TimeSpan.FromSeconds(1 << n));
            await checkout.After(TimeSpan.FromSeconds(1 << n));
        }

        await checkout.Reaches("Failed");
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment RefundPayment RefundPayment RefundPayment RefundPayment RefundPayment RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        Assert.True(await checkout.Harness.Published.Any<CheckoutFailed>(p => p.Context.Message.Left is ["ChargePayment"], TestContext.Current.CancellationToken));

        await checkout.Hears(new ResolveUndo(checkout.OrderId, "ChargePayment", "paid back by bank transfer", "transfer 4711", "ann"));
        await checkout.Reaches("Compensated");
        Assert.True(await checkout.Harness.Published.Any<CheckoutRepaired>(p => p.Context.Message.Actor == "ann", TestContext.Current.CancellationToken));
    }

    private static Task Scheduled(Checkout checkout, TimeSpan due) => Script.Until(() => checkout.Timers.ToList() is [var only] && only == due);
}

public class When_somebody_interferes
{
    [Fact]
    public async Task Should_turn_back_on_a_cancel_and_undo_what_is_in_doubt()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("ChargePayment"));
        await checkout.Submitted();
        await checkout.They.IsAsked("ChargePayment");
        await checkout.Hears(new CancelCheckout(checkout.OrderId, "CHANGED_MIND"));
        await checkout.Reaches("Compensated");
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ChargePayment RefundPayment ReleasePrice ReleaseInventory CancelOrder SendApology");
        Assert.Equal("CHANGED_MIND", checkout.Row.Reason);
    }

    [Fact]
    public async Task Should_hear_a_cancel_that_overtakes_its_order()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("CreateOrder"));
        await checkout.Harness.Start();
        await checkout.Hears(new CancelCheckout(checkout.OrderId, "CHANGED_MIND"));
        await checkout.Submitted();
        await checkout.Reaches("Compensated");
        checkout.They.Asked("CreateOrder CancelOrder SendApology");
    }

    [Fact]
    public async Task Should_report_a_cancel_of_an_order_that_never_comes()
    {
        await using var checkout = Checkout.Where();
        await checkout.Harness.Start();
        await checkout.Hears(new CancelCheckout(Guid.NewGuid()));
        Assert.True(await checkout.Harness.Published.Any<Fault<CancelCheckout>>(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Should_stand_still_while_paused_and_go_on_after()
    {
        await using var checkout = Checkout.Where(c => c.IsSilent("ReserveInventory"));
        await checkout.Submitted();
        await checkout.They.IsAsked("ReserveInventory");
        await checkout.Hears(new PauseCheckout(checkout.OrderId, "ann"));
        await Script.Until(() => checkout.Row.PausedAt is not null);
        await checkout.Hears(new InventoryReserved(checkout.OrderId));
        await checkout.Reaches("InventoryReserved");
        Assert.Empty(checkout.Timers);
        checkout.They.Asked("CreateOrder ReserveInventory");
        await checkout.Hears(new ResumeCheckout(checkout.OrderId, "ann"));
        await checkout.Reaches("Complete");
    }

    [Fact]
    public async Task Should_turn_back_when_a_command_cannot_be_handled()
    {
        await using var checkout = await Checkout.Where(c => c.IsBroken("FreezePrice")).Submitted();
        await checkout.Reaches("Compensated");
        checkout.They.Asked("CreateOrder ReserveInventory FreezePrice ReleasePrice ReleaseInventory CancelOrder SendApology");
        Assert.Equal("STEP_FAULTED", checkout.Row.Reason);
    }
}

public class When_the_table_is_folded
{
    private static readonly OrderStateMachine Machine = OrchestratorRoom.Unhosted(new CheckoutOptions());

    [Fact]
    public void Should_handle_every_event_in_every_state()
    {
        var events = Machine.Events.Select(e => e.Name).Order().ToList();
        Assert.True(events.Count > 45, $"Only {events.Count} events.");
        foreach (var state in Machine.States.Where(s => s.Name is not "Initial" and not "Final"))
            Assert.Equal(events, Machine.NextEvents(state).Select(e => e.Name).Distinct().Order());
    }

    [Fact]
    public void Should_have_the_states_of_the_design() => Assert.Equal(
        ["Pending", "OrderCreated", "InventoryReserved", "PriceFrozen", "GiftWrapped", "FraudChecked", "PaymentCharged", "ShipmentCreated", "Complete", "Compensating", "Compensated", "Failed"],
        Machine.States.Select(s => s.Name).Where(n => n is not "Initial" and not "Final"));

    [Fact]
    public void Should_answer_every_command_of_the_table_somewhere()
    {
        var contracts = typeof(SubmitOrder).Assembly.GetTypes().Select(t => t.Name).ToHashSet();
        Assert.All(Machine.WholeRoute, step => Assert.Contains(step.Name, contracts));
        Assert.All(Machine.WholeRoute, step => Assert.True(step.PastReturn || contracts.Contains(step.Undo!), step.Name));
    }
}

public class When_a_table_is_wrong
{
    [Fact]
    public void Should_refuse_a_message_that_could_run_in_circles() => Refused<RunsInCircles>("ReserveInventory stands in the table twice");

    [Fact]
    public void Should_refuse_a_step_without_an_undo() => Refused<CannotBeUndone>("The step CreateOrder is unfinished");

    [Fact]
    public void Should_refuse_a_step_that_can_be_undone_behind_one_that_cannot() => Refused<UndoneTooLate>("stands after one that cannot");

    private static void Refused<T>(string why)
    {
        var error = Assert.Throws<System.Reflection.TargetInvocationException>(() => Activator.CreateInstance(typeof(T), new FixedOptions(new CheckoutOptions())));
        Assert.Contains(why, Assert.IsType<InvalidOperationException>(error.InnerException).Message, StringComparison.Ordinal);
    }

    private abstract class Table(FixedOptions options) : CompensatingStateMachine<OrderState>(options, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)
    {
        protected void Close()
        {
            Apologise(o => new SendApology(o.OrderId, o.Customer, o.Reason!)).Answered<ApologySent>();
            Ends(_ => new object(), _ => new object(), (_, _) => new object(), (_, _) => new object());
            Alerts((_, _, _) => new object());
            Fold<SubmitOrder>((_, _, _) => { });
        }
    }

    private sealed class RunsInCircles : Table
    {
        public RunsInCircles(FixedOptions options) : base(options)
        {
            Do(o => new CreateOrder(o.OrderId, o.Customer, o.Currency, o.Lines)).Reaches<ReserveInventory>().UndoneBy(o => new CancelOrder(o.OrderId)).Confirmed<OrderCancelled>();
            Do(o => new ReserveInventory(o.OrderId, [])).Reaches<InventoryReserved>().UndoneBy(o => new ReleaseInventory(o.OrderId)).Confirmed<InventoryReleased>();
            Close();
        }
    }

    private sealed class CannotBeUndone : Table
    {
        public CannotBeUndone(FixedOptions options) : base(options)
        {
            Do(o => new CreateOrder(o.OrderId, o.Customer, o.Currency, o.Lines)).Reaches<OrderCreated>();
            Close();
        }
    }

    private sealed class UndoneTooLate : Table
    {
        public UndoneTooLate(FixedOptions options) : base(options)
        {
            Do(o => new SendConfirmation(o.OrderId, o.Customer, 0, o.Currency)).Reaches<ConfirmationSent>().PastReturn();
            Do(o => new CreateOrder(o.OrderId, o.Customer, o.Currency, o.Lines)).Reaches<OrderCreated>().UndoneBy(o => new CancelOrder(o.OrderId)).Confirmed<OrderCancelled>();
            Close();
        }
    }
}
