using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Http;

/// <summary>
/// Who may look and act as an operator. The one place that decides it: every endpoint that only operators may use is marked by one of
/// these. With keys (<see cref="OperatorKeys"/>) it takes a key; without, it is open in Development to the machine itself, and closed otherwise.
/// </summary>
public static class Operators
{
    private const string Unnamed = "development", ApiKey = "X-Api-Key", Bearer = "Bearer ";

    // Whoever comes through a proxy is not the machine itself, whatever address the proxy or the header says.
    private static readonly string[] Forwarding = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Original-For"];
    private static readonly object Name = new(), Acts = new();

    /// <summary>For those who may act.</summary>
    public static TBuilder ForOperators<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.AddEndpointFilter(new Only(toAct: true)).WithMetadata(Mark.Instance);

    /// <summary>For those who may look: readers, and whoever may act.</summary>
    public static TBuilder ForReaders<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.AddEndpointFilter(new Only(toAct: false)).WithMetadata(Mark.Instance);

    /// <summary>For the same, where there is nothing to operate: a process that shows only this may be reached without anybody having a key. It lets nobody in then.</summary>
    public static TBuilder ForWatchers<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.AddEndpointFilter(new Only(toAct: false));

    /// <summary>
    /// For a page of the console, to whom a browser shows the cookie of his sign-in (<see cref="OperatorSignIn"/>); it is good for pages only, never for
    /// what programs call. Who is not let in is shown what <paramref name="refuse"/> makes of the status and the reason.
    /// </summary>
    public static TBuilder ForConsole<TBuilder>(this TBuilder endpoint, bool toAct, Func<HttpContext, int, string, IResult> refuse)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.AddEndpointFilter(new OnlyOnPages(toAct, refuse)).WithMetadata(Mark.Instance);

    /// <summary>Whether the operator whom this page let in may act.</summary>
    public static bool MayAct(this HttpContext http) => http.Items[Acts] is true;

    /// <summary>The name of the operator whom this endpoint let in.</summary>
    public static string Operator(this HttpContext http) =>
        http.Items[Name] as string ?? throw new InvalidOperationException($"{http.GetEndpoint()?.DisplayName} is not marked for operators.");

    /// <summary>Whether any of these endpoints is for operators.</summary>
    public static bool AnyIn(IEnumerable<Endpoint> endpoints) => endpoints.Any(e => e.Metadata.GetMetadata<Mark>() is not null);

    /// <summary>The operator, or why this is none who may do it.</summary>
    private static (string? Operator, IResult? Refusal) Admit(HttpContext http, bool toAct)
    {
        if (http.RequestServices.GetService<OperatorKeys>() is not { Any: true } keys)
            return IsOpenTo(http) ? (Unnamed, null) : (null, Problems.Of(403, "operators-only", "Only operators may do this.",
                "It takes a key, and none is configured: set Ops:ApiKey, or Ops:Actors and Ops:Readers. Without keys it is open in Development (ASPNETCORE_ENVIRONMENT=Development), and there only to the machine itself."));
        if (keys.HolderOf(KeyIn(http.Request)) is not { } holder)
        {
            http.Response.Headers.WWWAuthenticate = "Bearer";
            return (null, Problems.Of(401, "operators-only", "Only operators may do this.", "Send an operator's key, as 'Authorization: Bearer <key>' or 'X-Api-Key: <key>'; the one that was sent, if any, is not known here."));
        }

        return holder.MayAct || !toAct ? (holder.Name, null) : (null, Problems.Of(403, "readers-only-look", "This key may only look.", $"{holder.Name} is one of Ops:Readers. To act takes the key of one of Ops:Actors, or Ops:ApiKey."));
    }

    private static (OperatorKeys.Holder? Holder, int Status, string Why) AdmitToPage(HttpContext http, bool toAct)
    {
        if (http.RequestServices.GetService<OperatorKeys>() is not { Any: true } keys)
            return IsOpenTo(http) ? (new(Unnamed, MayAct: true), 200, "") : (null, 403, "It takes a key, and none is configured: set Ops:ApiKey, or Ops:Actors and Ops:Readers. Without keys it is open in Development, and there only to the machine itself.");
        return OperatorSignIn.HolderOf(http, keys) is not { } holder ? (null, 401, "Sign in with an operator's key.")
            : holder.MayAct || !toAct ? (holder, 200, "")
            : (null, 403, $"{holder.Name} may look, not act: to act takes the key of one of Ops:Actors, or Ops:ApiKey.");
    }

    private static string? KeyIn(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            ? header[Bearer.Length..].Trim()
            : request.Headers[ApiKey].ToString();

    private static bool IsOpenTo(HttpContext http) =>
        http.RequestServices.GetRequiredService<IHostEnvironment>().IsDevelopment()
        && http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from)
        && !Array.Exists(Forwarding, http.Request.Headers.ContainsKey)
        && IsOwnPage(http.Request);

    // A browser on this machine also runs the pages of others: they may neither call this themselves, nor by a name of theirs for this address.
    private static bool IsOwnPage(HttpRequest request)
    {
        var (origin, site) = (request.Headers.Origin.ToString(), request.Headers["Sec-Fetch-Site"].ToString());
        return IsThisMachine(request.Host.Host) && (origin.Length == 0 || origin == $"{request.Scheme}://{request.Host}") && site is "" or "same-origin" or "none";
    }

    private static bool IsThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private sealed class Mark
    {
        public static readonly Mark Instance = new();
    }

    private static void Tell(HttpContext http, string name) => http.RequestServices.GetRequiredService<ILoggerFactory>()
        .CreateLogger(typeof(Operators)).LogInformation("Operator {Operator}: {Method} {Path}", name, http.Request.Method, http.Request.Path);

    private sealed class OnlyOnPages(bool toAct, Func<HttpContext, int, string, IResult> refuse) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
        {
            var http = context.HttpContext;
            http.Response.Headers.CacheControl = "no-store";
            var (holder, status, why) = AdmitToPage(http, toAct);
            if (holder is null)
                return refuse(http, status, why);
            (http.Items[Name], http.Items[Acts]) = (holder.Name, holder.MayAct);
            if (toAct)
                Tell(http, holder.Name);
            return await next(context).ConfigureAwait(false);
        }
    }

    private sealed class Only(bool toAct) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
        {
            var http = context.HttpContext;
            var (name, refusal) = Admit(http, toAct);
            if (name is null)
                return refusal;
            http.Items[Name] = name;
            http.Response.Headers.CacheControl = "no-store";
            if (toAct)
                Tell(http, name);
            return await next(context).ConfigureAwait(false);
        }
    }
}
