using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OrderSaga.Tests;

/// <summary>A mail server of the test's own, on a real port: it takes what it is given, or answers as a test wants it to.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly Task listening;

    public MailServer()
    {
        listener.Start();
        listening = ListenAsync();
    }

    /// <summary>What it says to a command, or to a mail's text (under the name of text); null: what servers say. May take its time.</summary>
    public Func<string, Task<string?>> Says { get; set; } = _ => Task.FromResult<string?>(null);

    /// <summary>What was taken over.</summary>
    public ConcurrentQueue<string> Mails { get; } = [];

    /// <summary>Everything that was said to it.</summary>
    public ConcurrentQueue<string> Heard { get; } = [];

    public (string Key, string Value)[] Settings =>
    [
        ("Notification:Smtp:Host", "127.0.0.1"), ("Notification:Smtp:Port", $"{((IPEndPoint)listener.LocalEndpoint).Port}"),
        ("Notification:Smtp:From", "Shop <shop@example.org>"), ("Notification:Smtp:Tls", "false"),
    ];

    /// <summary>One header of a mail.</summary>
    public static string Header(string mail, string name) => mail.Split("\r\n").Single(line => line.StartsWith($"{name}: ", StringComparison.OrdinalIgnoreCase))[(name.Length + 2)..];

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        listener.Dispose();
        await listening;
        end.Dispose();
    }

    private async Task ListenAsync()
    {
        var talks = new List<Task>();
        try
        {
            while (true)
                talks.Add(TalkAsync(await listener.AcceptTcpClientAsync(end.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(talks);
        }
    }

    private async Task TalkAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
                await using var writer = new StreamWriter(client.GetStream(), Encoding.ASCII) { AutoFlush = true, NewLine = "\r\n" };
                await writer.WriteLineAsync("220 ready");
                while (await reader.ReadLineAsync(end.Token) is { } line)
                {
                    Heard.Enqueue(line);
                    var verb = line.Split(' ', ':')[0].ToUpperInvariant();
                    var answer = await Says(verb).WaitAsync(end.Token);
                    await writer.WriteLineAsync(answer ?? verb switch
                    {
                        "EHLO" => "250-here\r\n250 AUTH LOGIN",
                        "AUTH" => "334 UGFzc3dvcmQ6",
                        "DATA" => "354 go on",
                        "QUIT" => "221 bye",
                        _ when line.StartsWith("c2VjcmV0", StringComparison.Ordinal) => "235 welcome", // the password of a test
                        _ => "250 fine",
                    });
                    if (verb == "DATA" && answer is null)
                        await TakeAsync(reader, writer);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // They hung up, or the test is over.
            }
        }
    }

    private async Task TakeAsync(StreamReader reader, StreamWriter writer)
    {
        var mail = new StringBuilder();
        string? line;
        while ((line = await reader.ReadLineAsync(end.Token)) is not (null or "."))
            mail.Append(line).Append("\r\n");
        if (line is null)
            return; // they hung up in the middle of it
        Mails.Enqueue(mail.ToString());
        await writer.WriteLineAsync(await Says("text").WaitAsync(end.Token) ?? "250 taken");
    }
}
