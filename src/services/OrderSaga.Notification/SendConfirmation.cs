using Microsoft.Extensions.Options;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Tells the customer that the order went through.</summary>
internal sealed class SendConfirmationStep(NotificationDb db, IOptions<NotificationOptions> options, TimeProvider time, Doorbell<NotificationDb> bell)
    : NoticeStep<SendConfirmation>(db, options, time, bell)
{
    protected override object BusinessOf(SendConfirmation ask) => new { ask.Customer.Email, ask.Total, ask.Currency };

    protected override Task<StepAnswer> DoAsync(SendConfirmation ask, CancellationToken ct)
    {
        if (!Notice.CanReach(ask.Customer.Email))
            return Task.FromResult(RefusedAtOnce(Refusal(ask.OrderId, "BAD_RECIPIENT", "The customer's e-mail address is not one.")));
        Take(ask.OrderId, NoticeKind.Confirmation, ask.Customer.Email,
            $"Thank you. Your order {ask.OrderId} is on its way; {ask.Total:0.00} {ask.Currency} were charged.");
        return Task.FromResult(Done(new ConfirmationSent(ask.OrderId)));
    }

    protected override object Refusal(Guid orderId, string reason, string detail) => new ConfirmationRefused(orderId, reason, detail);
}
