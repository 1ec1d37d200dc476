using System.Numerics;
using System.Runtime.CompilerServices;

namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>One order's whole world, in one thread: a clock that jumps from event to event, and everybody who takes part.</summary>
internal sealed class World
{
    public const long Second = 1000, Minute = 60 * Second, Day = 24 * 60 * Minute;
    private const int MostEvents = 50_000;

    private readonly PriorityQueue<Action, long> events = new(128);
    private readonly List<string>? lines;
    private readonly Dice?[] troubleDice = new Dice?[32];
    private long count;

    public World(Weather weather, List<string>? lines = null)
    {
        (Weather, Dice, this.lines) = (weather, weather.Dice, lines);
        Promises = new(this);
        Broker = new(this);
        Gateway = new(this);
        Node = new(this);
        People = new(this);
        Participants = new Participant[weather.Route.Count + 1];
        for (var i = 0; i < Participants.Length; i++)
            Participants[i] = i == weather.Payment ? new PaymentParticipant(this, i) : new Participant(this, i);
    }

    public Weather Weather { get; }

    public Dice Dice { get; }

    public Broker Broker { get; }

    public Gateway Gateway { get; }

    public OrchestratorNode Node { get; }

    public Participant[] Participants { get; }

    public People People { get; }

    public Promises Promises { get; }

    public long Now { get; private set; }

    public DateTimeOffset At => DateTimeOffset.UnixEpoch.AddMilliseconds(Now);

    public bool IsWritten => lines is not null;

    /// <summary>Whether this trouble strikes here and now.</summary>
    /// <remarks>Each trouble has dice of its own: without one, the others strike as before.</remarks>
    public bool Strikes(Troubles trouble, int chance) => Weather.Has(trouble) && Now < Weather.Calm
        && (troubleDice[BitOperations.Log2((uint)trouble)] ??= new((Weather.Seed << 5) + BitOperations.Log2((uint)trouble))).Percent(chance);

    public bool IsBroken(Broken rule) => Weather.Broken == rule;

    // Two events at one moment happen in the order in which they were made.
    public void After(long milliseconds, Action happens) => events.Enqueue(happens, ((Now + milliseconds) << 20) | count++);

    /// <summary>A whole history, with all that was promised checked at its end.</summary>
    public void Run()
    {
        People.Begin();
        UntilQuiet();
        Promises.CheckRest();
        if (Promises.IsFailed)
        {
            People.FinishByHand();
            UntilQuiet();
            Promises.CheckFinished();
        }
    }

    public void Say(string who, [InterpolatedStringHandlerArgument("")] Line what) => lines?.Add($"{TimeSpan.FromMilliseconds(Now):hh\\:mm\\:ss\\.fff} {who,-17} {what.Text}");

    private void UntilQuiet()
    {
        while (events.TryDequeue(out var happens, out var when))
        {
            Now = when >> 20;
            if (Now > Day || count > MostEvents)
                Promises.Break("never lost", $"no rest after {TimeSpan.FromMilliseconds(Now)} and {count} events");
            happens();
        }
    }

    /// <summary>Text that is only made when somebody reads it.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Line
    {
        private readonly System.Text.StringBuilder? text;

        public Line(int literalLength, int formattedCount, World world, out bool isRead)
        {
            _ = formattedCount;
            isRead = world.IsWritten;
            text = isRead ? new(literalLength + 64) : null;
        }

        public string Text => text?.ToString() ?? "";

        public void AppendLiteral(string value) => text!.Append(value);

        public void AppendFormatted<T>(T value) => text!.Append(value);
    }
}
