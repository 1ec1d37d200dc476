using System.Text;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>
/// A broker at its worst: every message comes again at once, and once more a moment later, out of its order and under an id that nobody has
/// seen.
/// </summary>
internal sealed class Echo : IAsyncDisposable
{
    private const string Mark = "echo";
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(300);
    private readonly IConnection connection;
    private readonly IChannel channel;
    private readonly SemaphoreSlim one = new(1);
    private readonly HashSet<string> known = [];
    private int heard, open;

    private Echo(IConnection connection, IChannel channel) => (this.connection, this.channel) = (connection, channel);

    /// <summary>How many messages were said again.</summary>
    public int Heard => Volatile.Read(ref heard);

    public static async Task<Echo> OfAsync(TestBroker broker)
    {
        var connection = await new ConnectionFactory { Uri = broker.Uri }.CreateConnectionAsync();
        var channel = await connection.CreateChannelAsync();
        var echo = new Echo(connection, channel);
        var ear = (await channel.QueueDeclareAsync()).QueueName;
        // Of the contracts alone: what goes to a queue's own exchange came through one of theirs, and who asks whether the broker is there
        // never ends.
        var queues = await broker.QueuesAsync();
        foreach (var exchange in (await broker.ExchangesAsync()).Where(e => e is not ("" or "still-there") && !e.StartsWith("amq.", StringComparison.Ordinal) && !queues.ContainsKey(e)))
            await channel.QueueBindAsync(ear, exchange, "");
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += echo.HearAsync;
        await channel.BasicConsumeAsync(ear, autoAck: true, consumer);
        return echo;
    }

    /// <summary>Returns when nothing was said for a while, and all of it was said again.</summary>
    public async Task FadesAsync(CancellationToken ct)
    {
        for (var (before, still) = (-1, 0); still < 5; still = Volatile.Read(ref open) == 0 && before == Heard ? still + 1 : 0)
        {
            before = Heard;
            await Task.Delay(Moment, ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await channel.DisposeAsync();
        await connection.DisposeAsync();
        one.Dispose();
    }

    private async Task HearAsync(object sender, BasicDeliverEventArgs said)
    {
        // Once for each: what is said again because it came again would never come to an end.
        if (said.BasicProperties.Headers?.ContainsKey(Mark) == true || !known.Add(said.BasicProperties.MessageId!))
            return;
        var (exchange, body, same) = (said.Exchange, said.Body.ToArray(), new BasicProperties(said.BasicProperties));
        same.Headers = new Dictionary<string, object?>(same.Headers ?? new Dictionary<string, object?>()) { [Mark] = "1" };
        Interlocked.Increment(ref open);
        Interlocked.Increment(ref heard);
        await SayAsync(exchange, same, body);
        _ = SayLaterAsync(exchange, new(same), body);
    }

    private async Task SayLaterAsync(string exchange, BasicProperties other, byte[] body)
    {
        await Task.Delay(Moment);
        var envelope = JsonNode.Parse(body)!;
        other.MessageId = $"{Guid.NewGuid()}";
        envelope["messageId"] = other.MessageId;
        await SayAsync(exchange, other, Encoding.UTF8.GetBytes(envelope.ToJsonString()));
        Interlocked.Decrement(ref open);
    }

    private async Task SayAsync(string exchange, BasicProperties properties, byte[] body)
    {
        await one.WaitAsync();
        try
        {
            await channel.BasicPublishAsync(exchange, "", mandatory: false, properties, body);
        }
        finally
        {
            one.Release();
        }
    }
}
