using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>
/// Tells the customer that the order did not go through, and why. Never refused, because the order's end waits for it: one that cannot
/// be delivered is kept and says so.
/// </summary>
internal sealed class SendApologyStep(NotificationDb db, TimeProvider time) : DoStep<NotificationDb, SendApology>(db)
{
    protected override object BusinessOf(SendApology ask) => ask.Customer.Email;

    protected override Task<StepAnswer> DoAsync(SendApology ask, CancellationToken ct)
    {
        var recipient = ask.Customer.Email;
        Db.Add(new Notice
        {
            OrderId = ask.OrderId,
            Kind = NoticeKind.Apology,
            Status = Notice.CanReach(recipient) ? NoticeStatus.Accepted : NoticeStatus.Undeliverable,
            Recipient = Cut(recipient, Notice.LongestRecipient),
            Text = Cut($"We are sorry: your order {ask.OrderId} was cancelled. What you paid for it is given back. Reason: {ask.Reason}", Notice.LongestText),
            At = time.GetUtcNow(),
        });
        return Task.FromResult(Done(new ApologySent(ask.OrderId)));
    }

    // An apology has no refusal: the customer was told, if in other words.
    protected override object Refusal(Guid orderId, string reason, string detail) => new ApologySent(orderId);

    private static string Cut(string text, int longest) => text.Length <= longest ? text : text[..longest];
}
