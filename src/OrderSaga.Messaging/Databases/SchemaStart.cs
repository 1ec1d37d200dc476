using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Databases;

/// <summary>Makes a context's schema before anything else starts, and fills it once with what belongs in it from the beginning.</summary>
internal sealed class SchemaStart<TDb>(IServiceScopeFactory scopes, DatabaseOf<TDb> database, ILogger<SchemaStart<TDb>> log, Func<TDb, CancellationToken, Task>? seed = null)
    : IHostedLifecycleService
    where TDb : DbContext
{
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TDb>();
        if (!await database.Value.EnsureSchemaAsync(db, seed, cancellationToken).ConfigureAwait(false))
            return;
        log.LogInformation("Made the schema {Schema}", db.Model.GetDefaultSchema());
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
