using OrderSaga.Host.Commands.Load;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>The processes of a shop that is started to be broken.</summary>
internal sealed class Crew : IAsyncDisposable
{
    // Every role twice, and no two processes alike.
    private static readonly string[] Several =
    [
        "orchestrator,web,orders,inventory,pricing",
        "orchestrator,web,payment,shipping,notification",
        "orders,inventory,pricing,payment,shipping,notification",
    ];

    private readonly OwnFolder folder = new();
    private readonly List<Member> members = [];

    private Crew()
    {
    }

    public IReadOnlyList<Member> Members => members;

    /// <summary>Where customers are served.</summary>
    public IReadOnlyList<Uri> Doors => Urls("web");

    public int Deaths => members.Sum(m => m.Deaths);

    /// <summary>Starts them, and waits until all are ready.</summary>
    /// <param name="several">Whether they can be several: there is a broker between them, and a database that belongs to none of them.</param>
    /// <param name="settings">Of each of them.</param>
    /// <param name="logs">Where what they say is kept, if it is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<Crew> StartAsync(bool several, IReadOnlyList<string> settings, string? logs, TimeProvider time, CancellationToken ct)
    {
        var crew = new Crew();
        try
        {
            foreach (var roles in several ? Several : [string.Join(',', Settings.AllRoles)])
            {
                var log = logs is null ? null : Path.GetFullPath(Path.Combine(logs, $"process-{crew.members.Count + 1}.log"));
                crew.members.Add(new(roles, () => ShopProcess.Launch(crew.folder.Path, [.. OwnFolder.Settings, .. settings, "--roles", roles], log), time));
                // The first who does not start says why; those after him would say it too.
                await crew.members[^1].Process.ReadyAsync(time, ct);
            }

            return crew;
        }
        catch
        {
            await crew.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where the processes of a role listen that are up.</summary>
    public IReadOnlyList<Uri> Urls(string role) => [.. members.Where(m => m.Roles.Split(',').Contains(role)).Select(m => m.Process).Where(p => p.IsUp).Select(p => p.Url)];

    /// <summary>The embedded database, where it is in one of them.</summary>
    public Task<string?> DatabaseAsync() => folder.DatabaseAsync();

    /// <summary>Waits until all are well; who does not become so, with what he says.</summary>
    public async Task<IReadOnlyList<string>> NotWellAsync(CancellationToken ct) => [.. (await Task.WhenAll(members.Select(async member =>
    {
        try
        {
            await member.ReadyAsync(ct);
            return null;
        }
        catch (CommandException e)
        {
            return $"{member.Roles}: {e.Message}";
        }
    }))).OfType<string>()];

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(members.Select(m => m.DisposeAsync().AsTask()));
        folder.Dispose();
    }
}
