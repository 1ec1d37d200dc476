namespace OrderSaga.Orchestrator.Tests.Core;

public class When_every_step_answers
{
    [Theory]
    [MemberData(nameof(Table.LeftOut), MemberType = typeof(Table))]
    public void Should_ask_one_step_after_the_other_and_complete(string leftOut)
    {
        var route = Table.Without(leftOut);
        var walk = new Walk(route).ToTheEnd();

        Assert.Equal(route.Select(r => r.Name), walk.Asked);
        Assert.Equal([StateNames.Pending, .. route.Where(r => !r.PastReturn).Select(r => r.Reaches), StateNames.Complete], walk.States);
        Assert.Equal([Said.Submitted, .. route.Select(_ => Said.Done)], walk.Log);
        Assert.Equal([Ending.Completed], walk.Endings);
        Assert.Empty(walk.Alerts);
    }

    [Theory]
    [MemberData(nameof(Table.LeftOut), MemberType = typeof(Table))]
    public void Should_undo_only_what_is_on_the_route_when_the_last_is_refused(string leftOut)
    {
        var route = Table.Without(leftOut);
        var last = route.Last(r => !r.PastReturn).Name;
        var walk = Walk.Until(last, route).Refuse().ToTheEnd();

        Assert.Equal([.. walk.Forth(last), .. walk.BackBefore(last)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.LeftOut), MemberType = typeof(Table))]
    public void Should_ignore_the_answers_of_steps_that_were_left_out(string leftOut)
    {
        var walk = new Walk(Table.Without(leftOut));
        foreach (var step in leftOut.Split(' '))
            Assert.Equal(Said.Ignored, walk.Done(step).Undone(step).Last.Says);

        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }

    [Theory]
    [InlineData("", false, "CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation")]
    [InlineData("", true, "CreateOrder ReserveInventory FreezePrice WrapGift ChargePayment CreateShipment SendConfirmation")]
    [InlineData("+CheckFraud", false, "CreateOrder ReserveInventory FreezePrice CheckFraud ChargePayment CreateShipment SendConfirmation")]
    [InlineData("+CheckFraud", true, "CreateOrder ReserveInventory FreezePrice WrapGift CheckFraud ChargePayment CreateShipment SendConfirmation")]
    [InlineData("-WrapGift", true, "CreateOrder ReserveInventory FreezePrice ChargePayment CreateShipment SendConfirmation")]
    [InlineData("-FreezePrice -CreateShipment", false, "CreateOrder ReserveInventory ChargePayment SendConfirmation")]
    public void Should_take_the_route_that_switches_and_the_order_choose_at_its_start(string switches, bool giftWrap, string route)
    {
        var options = new CheckoutOptions();
        foreach (var change in switches.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            options.Steps[change[1..]] = change[0] == '+';

        Assert.Equal(route, Table.RouteOf(options, giftWrap));
    }

    [Fact]
    public void Should_have_a_theory_over_every_row_of_the_table()
    {
        Assert.Equal("CreateOrder ReserveInventory FreezePrice WrapGift CheckFraud ChargePayment CreateShipment SendConfirmation", Table.Whole.ToString());
        Assert.Equal(["FreezePrice", "WrapGift", "CheckFraud", "CreateShipment"], Table.OptionalSteps);
    }

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_submit_once(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Submitted());

        Assert.Equal(Said.Ignored, walk.Last.Says);
        Assert.Equal(Table.Whole.Select(r => r.Name), walk.ToTheEnd().Asked);
    }
}
