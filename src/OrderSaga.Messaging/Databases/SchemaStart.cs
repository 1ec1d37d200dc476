using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Databases;

/// <summary>Brings every schema of the host to this version before anything else starts.</summary>
internal sealed class SchemaStart(IEnumerable<Schema> schemas, ILogger<SchemaStart> log) : IHostedLifecycleService
{
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        foreach (var schema in schemas)
            Tell(await schema.UpdateAsync(cancellationToken).ConfigureAwait(false));
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

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
