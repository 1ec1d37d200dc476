using Microsoft.Extensions.Options;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>
/// Tells the customer that the order did not go through, and why. Never refused, because the order's end waits for it: one that cannot
/// be delivered is kept and says so.
/// </summary>
internal sealed class SendApologyStep(NotificationDb db, IOptions<NotificationOptions> options, TimeProvider time, Doorbell<NotificationDb> bell)
    : NoticeStep<SendApology>(db, options, time, bell)
{
    protected override object BusinessOf(SendApology ask) => ask.Customer.Email;

    protected override Task<StepAnswer> DoAsync(SendApology ask, CancellationToken ct)
    {
        Take(ask.OrderId, NoticeKind.Apology, ask.Customer.Email,
            $"We are sorry: your order {ask.OrderId} was cancelled. What you paid for it is given back. Reason: {ask.Reason}");
        return Task.FromResult(Done(new ApologySent(ask.OrderId)));
    }

    // An apology has no refusal: the customer was told, if in other words.
    protected override object Refusal(Guid orderId, string reason, string detail) => new ApologySent(orderId);
}
