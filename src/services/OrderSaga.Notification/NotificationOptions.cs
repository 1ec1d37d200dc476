using System.Net;
using System.Net.Mail;
using Microsoft.Extensions.Configuration;

namespace OrderSaga.Services;

/// <summary>The section <c>Notification</c> of the configuration.</summary>
internal sealed class NotificationOptions
{
    public const string Section = "Notification";

    /// <summary>Where mail goes; none, and the demo sink keeps it.</summary>
    public SmtpOptions? Smtp { get; set; }

    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => Messaging.Section.Check<NotificationOptions>(
        configuration, Section, "Port is a number, Tls is true or false.", o => o.Smtp?.Check().Select(wrong => ($"{nameof(Smtp)}:{wrong.Key}", wrong.Value, wrong.Remedy)) ?? []);
}

internal sealed class SmtpOptions
{
    private const int ImplicitTls = 465;

    public string Host { get; set; } = "";

    public int Port { get; set; } = 587;

    /// <summary>Who the mail is from: an address, with a name or without.</summary>
    public string From { get; set; } = "";

    public string? User { get; set; }

    public string? Password { get; set; }

    /// <summary>Encrypted from STARTTLS on, or not sent at all.</summary>
    public bool Tls { get; set; } = true;

    public IEnumerable<(string Key, string? Value, string Remedy)> Check()
    {
        if (Host.Length == 0)
            yield return (nameof(Host), Host, "name the mail server, or leave out the whole section: then the demo sink keeps what would be sent.");
        if (Port is < 1 or > IPEndPoint.MaxPort)
            yield return (nameof(Port), $"{Port}", $"a port is a number from 1 to {IPEndPoint.MaxPort}.");
        if (Tls && Port == ImplicitTls)
            yield return (nameof(Port), $"{Port}", "TLS begins by STARTTLS here, which that port does not speak; use 587.");
        if (!MailAddress.TryCreate(From, out _))
            yield return (nameof(From), From, "give the address that the mail is from, such as Shop <shop@example.org>.");
        if (User is null != Password is null)
            yield return (User is null ? nameof(User) : nameof(Password), null, "User and Password are given together, or neither.");
        if (User is not null && !Tls && !IsThisMachine())
            yield return (nameof(Tls), "false", "the password would travel in the clear; set it to true, or leave out User and Password.");
    }

    private bool IsThisMachine() => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));
}
