using System.Diagnostics;
using System.Globalization;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A shop that is started for a run: this program once more, in a folder of its own that goes with it.</summary>
internal sealed class OwnShop : IAsyncDisposable
{
    private const string Says = "Console: ", Apart = "/usr/bin/setsid";
    private const int Kept = 20;
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3), StopLimit = TimeSpan.FromSeconds(40);

    private readonly Process process;
    private readonly Queue<string> lately = new();
    private readonly TaskCompletionSource<Uri> listens = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private OwnShop(string folder, IEnumerable<string> settings)
    {
        Folder = folder;
        // Ctrl-C at a terminal is meant for all who belong to it; this one is to live until it has been measured.
        string[] command = [.. File.Exists(Apart) ? [Apart] : Array.Empty<string>(), .. Program, "run", "--urls", "http://127.0.0.1:0", "--Web:OrdersPerSecond", "0", "--Web:RequestsPerSecond", "0", .. settings];
        var start = new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, e) => Hear(e.Data);
        process.ErrorDataReceived += (_, e) => Hear(e.Data);
        process.Exited += (_, _) => listens.TrySetException(new CommandException($"The shop did not start:{Environment.NewLine}{Lately}"));
    }

    public string Folder { get; }

    public Uri Url => listens.Task.Result;

    public int Id => process.Id;

    // As it was started itself: by the runtime, or as a program.
    private static string[] Program => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
        ? [Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "ordersaga.dll")]
        : [Environment.ProcessPath!];

    private string Lately
    {
        get
        {
            lock (lately)
                return string.Join(Environment.NewLine, lately);
        }
    }

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="CommandException">It is not, for the reason that it says.</exception>
    public static async Task<OwnShop> StartAsync(IEnumerable<string> settings, TimeProvider time, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("ordersaga-load-").FullName;
        if (File.Exists("appsettings.json"))
            File.Copy("appsettings.json", Path.Combine(folder, "appsettings.json"));
        var shop = new OwnShop(folder, settings);
        try
        {
            shop.process.Start();
            shop.process.BeginOutputReadLine();
            shop.process.BeginErrorReadLine();
            await shop.listens.Task.WaitAsync(StartLimit, time, ct);
            await shop.ReadyAsync(time, ct);
            return shop;
        }
        catch (Exception e)
        {
            await shop.DisposeAsync();
            if (e is TimeoutException)
                throw new CommandException($"The shop was not ready within {StartLimit.TotalMinutes:0} minutes:{Environment.NewLine}{shop.Lately}");
            throw;
        }
    }

    /// <summary>Tells it to stop, as an operator would, so that its database ends in order.</summary>
    public void Interrupt()
    {
        // The kill that every shell has.
        if (!OperatingSystem.IsWindows())
            Process.Start("sh", ["-c", "kill -INT \"$1\"", "sh", process.Id.ToString(CultureInfo.InvariantCulture)]).Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            Interrupt();
            using var limit = new CancellationTokenSource(OperatingSystem.IsWindows() ? TimeSpan.Zero : StopLimit);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }

        process.Dispose();
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{Folder} could not be removed ({e.Message}): remove it when nothing uses it any more.");
        }
    }

    private async Task ReadyAsync(TimeProvider time, CancellationToken ct)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Url };
        for (var began = time.GetTimestamp(); ; await Task.Delay(TimeSpan.FromMilliseconds(50), time, ct))
        {
            using var answer = await http.GetAsync(new Uri("health/ready", UriKind.Relative), ct);
            if (answer.IsSuccessStatusCode)
                return;
            if (time.GetElapsedTime(began) > StartLimit)
                throw new TimeoutException();
        }
    }

    private void Hear(string? line)
    {
        if (line is null)
            return;
        lock (lately)
        {
            lately.Enqueue(line);
            if (lately.Count > Kept)
                lately.Dequeue();
        }

        if (line.StartsWith(Says, StringComparison.Ordinal) && Uri.TryCreate(line[Says.Length..], UriKind.Absolute, out var url))
            listens.TrySetResult(url);
    }
}
