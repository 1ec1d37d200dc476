using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>The built program as a process of its own, used as a user would: by HTTP, by signals, and by looking at its tables.</summary>
internal sealed class Shop : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private readonly Process process;
    private readonly List<string> output;

    private readonly Task<string> console;
    private HttpClient? http;

    private Shop(Process process, List<string> output, Task<string> console) => (this.process, this.output, this.console) = (process, output, console);

    public HttpClient Http => http ??= new HttpClient { BaseAddress = new Uri(console.Result.Replace("//0.0.0.0:", "//127.0.0.1:", StringComparison.Ordinal)), Timeout = TimeSpan.FromSeconds(60) };

    /// <summary>The processor time that it has used.</summary>
    public TimeSpan Cpu
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>The files and folders (inodes) of whose changes the system tells it.</summary>
    public IReadOnlyList<long> ToldOf =>
    [
        .. Directory.GetFiles($"/proc/{process.Id}/fd").Where(f => new FileInfo(f).LinkTarget == "anon_inode:inotify")
            .SelectMany(f => File.ReadLines($"/proc/{process.Id}/fdinfo/{Path.GetFileName(f)}")).Where(l => l.StartsWith("inotify ", StringComparison.Ordinal))
            .Select(l => l.Split(' ').Single(part => part.StartsWith("ino:", StringComparison.Ordinal))[4..]).Select(ino => long.Parse(ino, NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
    ];

    public string Output
    {
        get
        {
            lock (output)
                return string.Join('\n', output);
        }
    }

    /// <summary>Whether it has said where it listens, and lives.</summary>
    public bool IsUp => console.IsCompletedSuccessfully && !process.HasExited;

    /// <summary>Completes when it is dead, whatever it died of.</summary>
    public Task Ended => process.WaitForExitAsync();

    /// <summary>What it said last.</summary>
    public string Lately
    {
        get
        {
            lock (output)
                return string.Join('\n', output.TakeLast(60));
        }
    }

    /// <summary>Starts it and waits until it says where its console is and that it is ready.</summary>
    public static async Task<Shop> StartAsync(Place place, CancellationToken ct, string? roles = null, params string[] more)
    {
        var shop = Launch(place, roles, more);
        await shop.ReadyAsync(ct);
        return shop;
    }

    /// <summary>Starts it, and waits for nothing.</summary>
    public static Shop Launch(Place place, string? roles = null, params string[] more)
    {
        var (process, output, console) = Begin(place, roles, more);
        return new(process, output, console.Task);
    }

    /// <summary>Waits until it says where it listens.</summary>
    public async Task StartedAsync(CancellationToken ct)
    {
        if (await Task.WhenAny(console, process.WaitForExitAsync(ct), Task.Delay(StartLimit, ct)) == console)
            return;
        if (!process.HasExited)
            process.Kill();
        throw new InvalidOperationException($"The program did not start:\n{Output}");
    }

    /// <summary>Waits until it is ready.</summary>
    public async Task ReadyAsync(CancellationToken ct)
    {
        await StartedAsync(ct);
        try
        {
            await BecomesAsync(health => health.GetProperty("status").GetString() == "Healthy", ct);
        }
        catch (HttpRequestException e)
        {
            throw new InvalidOperationException($"The program has ended:\n{Lately}", e);
        }
    }

    /// <summary>What it says of its health.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Health)> HealthAsync(CancellationToken ct)
    {
        using var response = await Http.GetAsync("/health/ready", ct);
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>(ct));
    }

    /// <summary>What it says of its health, once it is as it is waited for.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Health)> BecomesAsync(Func<JsonElement, bool> so, CancellationToken ct)
    {
        for (var patience = Stopwatch.StartNew(); ;)
        {
            var (status, health) = await HealthAsync(ct);
            if (so(health))
                return (status, health);
            Assert.True(patience.Elapsed < StartLimit, $"It does not become so: {health}\n{Output}");
            await Task.Delay(50, ct);
        }
    }

    /// <summary>Waits until it has said something.</summary>
    public async Task SaysAsync(string what, CancellationToken ct)
    {
        for (var patience = Stopwatch.StartNew(); !Output.Contains(what, StringComparison.Ordinal); await Task.Delay(20, ct))
            Assert.True(patience.Elapsed < StartLimit && !process.HasExited, $"It does not say '{what}':\n{Output}");
    }

    /// <summary>Starts it where it will die by itself; its exit code.</summary>
    public static async Task<int> StartAndDieAsync(Place place, CancellationToken ct, params string[] more)
    {
        var (process, output, _) = Begin(place, more: more);
        using (process)
        {
            try
            {
                await process.WaitForExitAsync(ct).WaitAsync(StartLimit, ct);
                return process.ExitCode;
            }
            catch (TimeoutException)
            {
                process.Kill();
                lock (output)
                    throw new InvalidOperationException($"The program did not die within {StartLimit}:\n{string.Join('\n', output)}");
            }
        }
    }

    /// <summary>Starts it where it cannot start: what it says, and its exit code.</summary>
    public static async Task<(int ExitCode, string Output)> FailToStartAsync(Place place, CancellationToken ct, params string[] more)
    {
        var (process, output, _) = Begin(place, more: more);
        using (process)
        {
            await process.WaitForExitAsync(ct).WaitAsync(StartLimit, ct);
            process.WaitForExit();
            return (process.ExitCode, string.Join('\n', output));
        }
    }

    public static JsonElement Order(string product = "sku-apple", string token = "tok_visa", int quantity = 1, decimal? price = null, bool giftWrap = false) => JsonSerializer.SerializeToElement(new
    {
        customer = new { id = "c-1", email = "a@example.org" },
        currency = "EUR",
        lines = new[] { new { productId = product, quantity, unitPrice = price } },
        shippingAddress = new { name = "A", street = "B 1", city = "C", postalCode = "12345", country = "DE" },
        payment = new { token },
        giftWrap,
    });

    /// <summary>An order with faults: "ChargePayment undo-throw 2, Gateway late".</summary>
    public static JsonElement With(string plan, bool giftWrap = false)
    {
        var order = JsonNode.Parse(Order(giftWrap: giftWrap).GetRawText())!;
        order["faults"] = new JsonArray([.. plan.Split(", ").Select(text => text.Split(' ')).Select(words =>
        {
            var fault = new JsonObject { ["step"] = words[0], ["kind"] = words[1] };
            if (words.Length > 2)
                fault["times"] = int.Parse(words[2], CultureInfo.InvariantCulture);
            return (JsonNode)fault;
        })]);
        return JsonSerializer.SerializeToElement(order);
    }

    public async Task<HttpResponseMessage> PlaceAsync(JsonElement order, int wait = 0, string? key = null, CancellationToken ct = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(order) };
        if (wait > 0)
            request.Headers.Add("Prefer", $"wait={wait}");
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await Http.SendAsync(request, ct);
    }

    public async Task<JsonElement> ReadAsync(Guid orderId, CancellationToken ct) => await Http.GetFromJsonAsync<JsonElement>($"/orders/{orderId}", ct);

    /// <summary>The order once it is at rest.</summary>
    public async Task<JsonElement> AtRestAsync(Guid orderId, CancellationToken ct)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            using var response = await Http.GetAsync($"/orders/{orderId}", ct);
            var order = await response.Content.ReadFromJsonAsync<JsonElement>(ct);
            if (response.IsSuccessStatusCode && order.GetProperty("endedAt").ValueKind != JsonValueKind.Null)
                return order;
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), $"The order does not come to rest: {order}\n{Output}");
            await Task.Delay(50, ct);
        }
    }

    /// <summary>Waits until it has died by itself; its exit code.</summary>
    public async Task<int> DiedAsync(CancellationToken ct)
    {
        await process.WaitForExitAsync(ct).WaitAsync(TimeSpan.FromSeconds(60), ct);
        return process.ExitCode;
    }

    /// <summary>Whether it has died, or does so in the next moment.</summary>
    public async Task<bool> HasDiedAsync()
    {
        await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(2)));
        return process.HasExited;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Sends it a signal: STOP freezes it, CONT has it go on.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Ctrl-C, or another signal that ends it.</summary>
    public async Task<int> StopAsync(string signal = "INT")
    {
        await SignalAsync(signal);
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw new InvalidOperationException($"The program did not stop within 30 s:\n{Output}");
        }

        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        http?.Dispose();
        if (!process.HasExited)
            await StopAsync();
        process.Dispose();
    }

    private static (Process Process, List<string> Output, TaskCompletionSource<string> Console) Begin(Place place, string? roles = null, params string[] more)
    {
        var console = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var output = new List<string>();
        void Hear(string? line)
        {
            if (line is null)
                return;
            lock (output)
                output.Add(line);
            if (line.StartsWith("Console: ", StringComparison.Ordinal))
                console.TrySetResult(line["Console: ".Length..]);
            else if (line.StartsWith("Listening: ", StringComparison.Ordinal))
                console.TrySetResult(line["Listening: ".Length..]);
        }

        var start = new ProcessStartInfo("dotnet", [Repository.Program, "--urls", "http://127.0.0.1:0", .. place.Arguments, .. roles is null ? Array.Empty<string>() : ["--roles", roles], .. more])
        {
            WorkingDirectory = place.Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, e) => Hear(e.Data);
        process.ErrorDataReceived += (_, e) => Hear(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return (process, output, console);
    }
}
