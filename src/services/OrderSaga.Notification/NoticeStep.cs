using MassTransit;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Deliveries;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Takes over what a customer has to be told. What was told cannot be untold, so there is no undo.</summary>
internal abstract class NoticeStep<TDo>(NotificationDb db, IOptions<NotificationOptions> options, TimeProvider time, Doorbell<NotificationDb> bell)
    : DoStep<NotificationDb, TDo>(db)
    where TDo : class
{
    public override async Task Consume(ConsumeContext<TDo> context)
    {
        await base.Consume(context).ConfigureAwait(false);
        if (options.Value.Smtp is not null)
            bell.Ring();
    }

    protected void Take(Guid orderId, string kind, string recipient, string text)
    {
        var now = time.GetUtcNow();
        var (reachable, toSink) = (Notice.CanReach(recipient), options.Value.Smtp is null);
        Db.Add(new Notice
        {
            OrderId = orderId,
            Kind = kind,
            Status = !reachable ? DeliveryStatus.Undeliverable : toSink ? DeliveryStatus.Sent : DeliveryStatus.Accepted,
            Recipient = Cut(recipient, Notice.LongestRecipient),
            Text = Cut(text, Notice.LongestText),
            At = now,
            Channel = reachable && toSink ? NoticeChannel.Sink : null,
            SentAt = reachable && toSink ? now : null,
            Due = reachable && !toSink ? now : null,
        });
    }

    private static string Cut(string text, int longest) => text.Length <= longest ? text : text[..longest];
}
