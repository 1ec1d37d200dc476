using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>Stands for the payment provider: takes money and gives it back over HTTP, and keeps books of its own that nobody else reads.</summary>
public static class GatewaySimulator
{
    /// <param name="services">The host's. Add it before what calls it: it then starts before that, and stops after it.</param>
    /// <param name="database">Where its books are.</param>
    /// <param name="slow">How long it takes with the token that is slow.</param>
    public static void AddGatewaySimulator(this IServiceCollection services, Database database, TimeSpan slow)
    {
        services.AddDatabase<GatewayDb>(database);
        services.AddScoped<Ledger>();
        services.AddSingleton(new GatewayTimes(slow));
        services.AddSingleton<GatewayApi>();
        services.AddSingleton<GatewayServer>();
        services.AddHostedService(provider => provider.GetRequiredService<GatewayServer>());
    }

    /// <summary>Where it listens on its own account; known once it has started.</summary>
    public static Uri AddressOf(IServiceProvider services) => services.GetRequiredService<GatewayServer>().Address;

    /// <summary>Shows it to whoever reaches this application, too.</summary>
    public static void MapGatewaySimulator(this WebApplication app) => app.MapGateway(app.Services);

    internal static void MapGateway(this IEndpointRouteBuilder app, IServiceProvider services)
    {
        var api = services.GetRequiredService<GatewayApi>();
        app.MapPost("/gateway/charges", GatewayApi.OrAway(api.ChargeAsync));
        app.MapGet("/gateway/charges", GatewayApi.OrAway(api.ReadAsync));
        app.MapPost("/gateway/charges/{id}/refunds", GatewayApi.OrAway(api.RefundAsync));
    }
}
