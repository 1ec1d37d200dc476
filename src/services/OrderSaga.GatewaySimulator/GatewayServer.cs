using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Services;

/// <summary>
/// The simulator's own web server, on a free port of this machine's loopback. The host's server would not do: it starts after the bus and
/// stops before it, and what is charged in between would find nobody.
/// </summary>
internal sealed class GatewayServer(IServiceProvider services, ILoggerFactory logs) : IHostedService, IAsyncDisposable
{
    private WebApplication? app;

    public Uri Address => app is { Urls: var urls } ? new(urls.Single()) : throw new InvalidOperationException("The gateway simulator has not started.");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // Empty: no setting of the host's address, port or endpoints reaches it.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(logs).AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();
        server.MapGateway(services);
        await server.StartAsync(cancellationToken).ConfigureAwait(false);
        app = server;
    }

    public Task StopAsync(CancellationToken cancellationToken) => app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? ValueTask.CompletedTask;
}
