using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Tells the customer that the order went through. What was told cannot be untold, so there is no undo.</summary>
internal sealed class SendConfirmationStep(NotificationDb db, TimeProvider time) : DoStep<NotificationDb, SendConfirmation>(db)
{
    protected override object BusinessOf(SendConfirmation ask) => new { ask.Customer.Email, ask.Total, ask.Currency };

    protected override Task<StepAnswer> DoAsync(SendConfirmation ask, CancellationToken ct)
    {
        var recipient = ask.Customer.Email;
        if (!Notice.CanReach(recipient))
            return Task.FromResult(Refused(Refusal(ask.OrderId, "BAD_RECIPIENT", "The customer's e-mail address is not one.")));
        Db.Add(new Notice
        {
            OrderId = ask.OrderId,
            Kind = NoticeKind.Confirmation,
            Status = NoticeStatus.Accepted,
            Recipient = recipient,
            Text = $"Thank you. Your order {ask.OrderId} is on its way; {ask.Total:0.00} {ask.Currency} were charged.",
            At = time.GetUtcNow(),
        });
        return Task.FromResult(Done(new ConfirmationSent(ask.OrderId)));
    }

    protected override object Refusal(Guid orderId, string reason, string detail) => new ConfirmationRefused(orderId, reason, detail);
}
