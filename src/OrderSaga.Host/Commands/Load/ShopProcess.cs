using System.Diagnostics;
using System.Globalization;

namespace OrderSaga.Host.Commands.Load;

/// <summary>This program once more: a shop, or a part of one, as a process of its own.</summary>
internal sealed class ShopProcess : IDisposable
{
    private const string Apart = "/usr/bin/setsid";
    private const int Kept = 20;
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3), StopLimit = TimeSpan.FromSeconds(40), AfterLastWord = TimeSpan.FromSeconds(1);
    private static readonly string[] Says = ["Console: ", "Listening: "];

    private readonly Process process;
    private readonly string? log;
    private readonly Queue<string> lately = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Uri> listens = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ShopProcess(string folder, IEnumerable<string> settings, string? log)
    {
        this.log = log;
        // Ctrl-C at a terminal is meant for all who belong to it; this one ends when it is told to.
        string[] command = [.. File.Exists(Apart) ? [Apart] : Array.Empty<string>(), .. Program, "run", "--urls", "http://127.0.0.1:0", .. settings];
        var start = new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, e) => Hear(e.Data);
        process.ErrorDataReceived += (_, e) => Hear(e.Data);
        process.Exited += (_, _) =>
        {
            listens.TrySetException(new CommandException("It ended."));
            ended.TrySetResult();
        };
        // Nobody has to look at it.
        _ = listens.Task.Exception;
    }

    /// <summary>Where it listens; known once it is ready.</summary>
    public Uri Url => listens.Task.Result;

    /// <summary>Whether it has said where it listens, and lives.</summary>
    public bool IsUp => listens.Task.IsCompletedSuccessfully && !process.HasExited;

    public int Id => process.Id;

    /// <summary>Completes when it is dead, whatever it died of; what it has started may live on.</summary>
    public Task Ended => ended.Task;

    /// <summary>What it said last.</summary>
    public string Lately
    {
        get
        {
            lock (lately)
                return string.Join(Environment.NewLine, lately);
        }
    }

    // As this one was started itself: by the runtime, or as a program.
    private static string[] Program => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
        ? [Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "ordersaga.dll")]
        : [Environment.ProcessPath!];

    /// <summary>Starts it, and waits for nothing.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="settings">Its own.</param>
    /// <param name="log">The file that what it says is added to, if it is to be kept.</param>
    public static ShopProcess Launch(string folder, IEnumerable<string> settings, string? log = null)
    {
        var shop = new ShopProcess(folder, settings, log);
        shop.process.Start();
        shop.process.BeginOutputReadLine();
        shop.process.BeginErrorReadLine();
        return shop;
    }

    /// <summary>Waits until it is ready.</summary>
    /// <exception cref="CommandException">It is not, for the reason that it says.</exception>
    public async Task ReadyAsync(TimeProvider time, CancellationToken ct)
    {
        var said = "";
        try
        {
            await listens.Task.WaitAsync(StartLimit, time, ct);
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Url };
            for (var began = time.GetTimestamp(); ; await Task.Delay(TimeSpan.FromMilliseconds(50), time, ct))
            {
                using var answer = await http.GetAsync(new Uri("health/ready", UriKind.Relative), ct);
                if (answer.IsSuccessStatusCode)
                    return;
                said = await answer.Content.ReadAsStringAsync(ct);
                if (time.GetElapsedTime(began) > StartLimit)
                    throw new TimeoutException();
            }
        }
        catch (TimeoutException)
        {
            throw new CommandException($"The shop was not ready within {StartLimit.TotalMinutes:0} minutes: {said}{Environment.NewLine}{Lately}");
        }
        catch (Exception e) when (e is CommandException or HttpRequestException)
        {
            // It is dead, or was told to stop, and takes no more calls while it finishes what is under way.
            await Task.WhenAny(Ended, Task.Delay(StopLimit, time, ct));
            // It is seen dead before its last words are heard; what it has started may live on, and never ends them.
            await Task.WhenAny(process.WaitForExitAsync(ct), Task.Delay(AfterLastWord, time, ct));
            throw new CommandException($"The shop did not start:{Environment.NewLine}{Lately}");
        }
    }

    /// <summary>Sends it a signal, by the kill that every shell has.</summary>
    public void Signal(string signal)
    {
        if (OperatingSystem.IsWindows())
            throw new CommandException("Windows has no signals: this is for Linux and macOS.");
        if (!process.HasExited)
            Process.Start("sh", ["-c", $"kill -{signal} \"$1\" 2>/dev/null", "sh", Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
    }

    /// <summary>Tells it to stop, as an operator would, so that its database ends in order; if it does not, it is killed.</summary>
    public async Task StopAsync()
    {
        if (process.HasExited)
            return;
        using var limit = new CancellationTokenSource(OperatingSystem.IsWindows() ? TimeSpan.Zero : StopLimit);
        if (!OperatingSystem.IsWindows())
            Signal("INT");
        await Ended.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
    }

    public void Dispose() => process.Dispose();

    private void Hear(string? line)
    {
        if (line is null)
            return;
        lock (lately)
        {
            lately.Enqueue(line);
            if (log is not null)
                File.AppendAllText(log, $"{line}{Environment.NewLine}");
            if (lately.Count > Kept)
                lately.Dequeue();
        }

        if (Says.FirstOrDefault(says => line.StartsWith(says, StringComparison.Ordinal)) is { } says && Uri.TryCreate(line[says.Length..], UriKind.Absolute, out var url))
            listens.TrySetResult(url);
    }
}
