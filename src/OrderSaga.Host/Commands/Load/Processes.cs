using System.Globalization;
using System.Net;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A process with all that it has started, as one.</summary>
internal sealed record Consumer(string Name, int Id);

/// <summary>Processes of this machine and the processor time that they have used, as Linux tells it to whoever may look.</summary>
internal static class Processes
{
    private const int TicksPerSecond = 100; // what /proc counts in, on every architecture that .NET runs on
    private const string Listens = "0A", IsConnected = "01";

    /// <summary>Whether processes can be looked at here at all.</summary>
    public static bool CanLook => OperatingSystem.IsLinux() && Directory.Exists("/proc/self");

    /// <summary>Whether a host is this machine.</summary>
    public static bool IsHere(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Who listens on a port; null if nobody does, or if it is somebody else's business.</summary>
    public static int? ListeningOn(int port) => Owners(Sockets(Listens, (own, _) => own == port)).Select(id => (int?)id).FirstOrDefault();

    /// <summary>Who has connections from ports of this machine to a server's: the same port may be somebody else's to another server.</summary>
    public static IReadOnlyList<int> Connected(IReadOnlyCollection<(int From, int To)> ports) => [.. Owners(Sockets(IsConnected, (own, other) => ports.Contains((own, other)))).Distinct()];

    /// <summary>What the program of a process is called.</summary>
    public static string? NameOf(int id) => Stat(id)?.Name;

    /// <summary>The milliseconds that each has used, with what it has started; what was started by one of the others counts there.</summary>
    public static IReadOnlyDictionary<Consumer, double> Used(IReadOnlyCollection<Consumer> consumers)
    {
        var all = Ids().Select(id => (Id: id, Stat: Stat(id))).Where(p => p.Stat is not null).ToDictionary(p => p.Id, p => p.Stat!.Value);
        var used = consumers.Where(c => all.ContainsKey(c.Id)).ToDictionary(c => c, _ => 0.0);
        var roots = used.Keys.ToDictionary(c => c.Id);
        foreach (var (id, stat) in all)
        {
            var at = id;
            for (var depth = 0; depth < 64 && !roots.ContainsKey(at) && all.TryGetValue(at, out var above); depth++)
                at = above.Parent;
            if (roots.TryGetValue(at, out var root))
                used[root] += stat.Ticks * 1000.0 / TicksPerSecond;
        }

        return used;
    }

    private static IEnumerable<int> Ids() => Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0).Where(id => id > 0);

    // "4501 (a name) S parent ..."; times are its own and those of children that have ended and been collected.
    private static (string Name, int Parent, long Ticks)? Stat(int id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id}/stat");
            var (open, close) = (text.IndexOf('('), text.LastIndexOf(')'));
            var fields = text[(close + 2)..].Split(' ');
            return (text[(open + 1)..close], (int)Number(fields[1]), fields[11..15].Sum(Number));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended
        }
    }

    private static long Number(string field) => long.Parse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    // The inodes of sockets in a state, by their own port and the other one's.
    private static HashSet<string> Sockets(string state, Func<int, int, bool> which)
    {
        var inodes = new HashSet<string>();
        foreach (var table in (string[])["/proc/net/tcp", "/proc/net/tcp6"])
            if (File.Exists(table))
                foreach (var fields in File.ReadLines(table).Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
                    if (fields.Length > 9 && fields[3] == state && which(Port(fields[1]), Port(fields[2])))
                        inodes.Add($"socket:[{fields[9]}]");
        return inodes;
    }

    private static int Port(string address) => int.Parse(address.Split(':')[^1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static IEnumerable<int> Owners(HashSet<string> sockets)
    {
        if (sockets.Count == 0)
            yield break;
        foreach (var id in Ids())
            if (Has(id, sockets))
                yield return id;
    }

    private static bool Has(int id, HashSet<string> sockets)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{id}/fd").Any(file => new FileInfo(file).LinkTarget is { } target && sockets.Contains(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended, or is another account's
        }
    }
}
