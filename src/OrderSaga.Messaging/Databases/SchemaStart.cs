using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Databases;

/// <summary>
/// Brings every schema of the host to this version before anything else starts. A database that is not there yet is waited for: services
/// may be started in any order.
/// </summary>
internal sealed class SchemaStart(IEnumerable<Schema> schemas, TimeProvider time, ILogger<SchemaStart> log) : IHostedLifecycleService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        foreach (var schema in schemas)
            Tell(await UpdateAsync(schema, cancellationToken).ConfigureAwait(false));
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task<SchemaChange> UpdateAsync(Schema schema, CancellationToken ct)
    {
        for (var waiting = false; ; waiting = true)
        {
            try
            {
                var change = await schema.UpdateAsync(ct).ConfigureAwait(false);
                if (waiting)
                    log.LogInformation("{Database} is there; the start goes on", schema.Database.Name);
                return change;
            }
            catch (Exception e) when (!ct.IsCancellationRequested && IsAway(e))
            {
                if (!waiting)
                    log.LogWarning("Waiting for {Database}, which does not answer: {Reason} The start goes on by itself when it does; otherwise see that it runs, and that its connection string is right",
                        schema.Database.Name, Sentence(e));
                await Task.Delay(Pause, time, ct).ConfigureAwait(false);
            }
        }
    }

    // Not even its name is known: that too passes when its machine starts.
    private static bool IsAway(Exception? e) => e is not null && (e is SocketException || Database.IsAway(e) || IsAway(e.InnerException));

    private static string Sentence(Exception e) => $"{e.GetBaseException().Message.TrimEnd('.')}.";

    private void Tell(SchemaChange change)
    {
        if (change.Made)
            log.LogInformation("Made the schema {Schema}", change.Schema);
        else if (change.Applied.Count > 0)
            log.LogInformation("Changed the schema {Schema}: {Migrations}", change.Schema, string.Join(", ", change.Applied));
        if (change.Unknown.Count > 0)
            log.LogWarning("A newer version has changed the schema {Schema} ({Migrations}); this one takes it as it is", change.Schema, string.Join(", ", change.Unknown));
    }
}
