using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace OrderSaga.Messaging.Http;

/// <summary>Who may act as an operator. The one place that decides it: every endpoint that only operators may use is marked by this.</summary>
public static class Operators
{
    /// <summary>Refused with 403, except in Development on loopback. (There is no other way to be known as an operator yet.)</summary>
    public static TBuilder ForOperators<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.AddEndpointFilter<TBuilder, Only>();

    private static bool MayAct(HttpContext http) =>
        http.RequestServices.GetRequiredService<IHostEnvironment>().IsDevelopment() && http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from);

    private sealed class Only : IEndpointFilter
    {
        public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) => MayAct(context.HttpContext)
            ? next(context)
            : ValueTask.FromResult<object?>(Problems.Of(403, "operators-only", "Only operators may do this.",
                "It is open in Development (ASPNETCORE_ENVIRONMENT=Development), and there only to the machine itself."));
    }
}
