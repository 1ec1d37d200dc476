using System.Net;
using System.Net.Mail;

namespace OrderSaga.Services;

/// <summary>Sends notices as mail.</summary>
/// <remarks>
/// By the platform's own client. Its makers recommend MailKit for what it cannot do (TLS from the first byte, newer ways to sign in);
/// plain text over STARTTLS needs none of that, and a dependency less is worth more.
/// </remarks>
internal sealed class SmtpMail(SmtpOptions options)
{
    private readonly MailAddress from = new(options.From);

    /// <summary>Returns when the server has taken the mail over.</summary>
    /// <exception cref="SmtpException">It has not.</exception>
    /// <exception cref="FormatException">The recipient is none.</exception>
    public async Task SendAsync(Notice notice, CancellationToken ct)
    {
        using var mail = new MailMessage { From = from, Subject = notice.Subject, Body = notice.Text };
        mail.To.Add(new MailAddress(notice.Recipient));
        // The same in every try, so that whoever gets it twice can tell.
        mail.Headers.Add("Message-ID", $"<{notice.OrderId:N}.{notice.Kind}@{from.Host}>");
        mail.Headers.Add("Auto-Submitted", "auto-generated");
        using var client = new SmtpClient(options.Host, options.Port) { EnableSsl = options.Tls };
        if (options.User is not null)
            client.Credentials = new NetworkCredential(options.User, options.Password);
        // It does not hear that it is cancelled while it waits for the server's word on a mail's text.
        await client.SendMailAsync(mail, ct).WaitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>No other try would change anything: it is the recipient that is refused.</summary>
    public static bool IsFinal(Exception e) => e is FormatException or SmtpFailedRecipientException { StatusCode: >= SmtpStatusCode.CommandUnrecognized };
}
