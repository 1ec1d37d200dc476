using Microsoft.EntityFrameworkCore.Query;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Deliveries;

namespace OrderSaga.Services;

/// <summary>Brings notices to the mail server. SMTP knows no better than to send again what nobody knows to have been sent.</summary>
internal sealed class Delivery(
    IServiceScopeFactory scopes, IHostApplicationLifetime host, IOptions<NotificationOptions> options, TimeProvider time, Doorbell<NotificationDb> bell, ILogger<Delivery> log)
    : PatientDelivery<NotificationDb, Notice>(scopes, host, time, bell, log, "Delivering notices")
{
    private readonly SmtpMail? mail = options.Value.Smtp is { } smtp ? new(smtp) : null;

    protected override IQueryable<Notice> RowOf(NotificationDb db, Notice item) => db.Notifications.Where(n => n.OrderId == item.OrderId && n.Kind == item.Kind);

    // What was taken over when there still was a mail server: now the sink keeps it, which is its row.
    protected override Task SendAsync(Notice item, CancellationToken ct) => mail?.SendAsync(item, ct) ?? Task.CompletedTask;

    protected override bool IsFinal(Exception e) => SmtpMail.IsFinal(e);

    protected override void WhenSent(UpdateSettersBuilder<Notice> row)
    {
        var channel = mail is null ? NoticeChannel.Sink : NoticeChannel.Smtp;
        row.SetProperty(n => n.Channel, channel);
    }
}
