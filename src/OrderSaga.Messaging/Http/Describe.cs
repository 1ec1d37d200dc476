using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace OrderSaga.Messaging.Http;

/// <summary>
/// What an endpoint's description says beyond its path: how it answers, when it refuses, which headers go along. Nothing of it is needed;
/// what every endpoint does alike (503 while the database is away, 403 for who is no operator) says itself.
/// </summary>
public static class Describe
{
    /// <summary>It answers with this.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoint, int status, string when, Type? body = null, string contentType = "application/json")
        where TBuilder : IEndpointConventionBuilder
        => endpoint.WithMetadata(body is null ? new BareAnswer(status, when) : new ProducesResponseTypeMetadata(status, body, [contentType]) { Description = when });

    /// <summary>It refuses with a problem of this type.</summary>
    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, int status, string type, string when)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.WithMetadata(new Refusal(status, type, when));

    /// <summary>It looks at this header of a request.</summary>
    public static TBuilder Heeds<TBuilder>(this TBuilder endpoint, string header, string what, string? example = null)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.WithMetadata(new HeededHeader(header, what, example));

    /// <summary>It sends this header with answers of these statuses.</summary>
    public static TBuilder Sends<TBuilder>(this TBuilder endpoint, string header, string what, params int[] with)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.WithMetadata(new SentHeader(header, what, with));
}

/// <summary>An answer without a body.</summary>
public sealed record BareAnswer(int Status, string When);

/// <summary>A problem that an endpoint may answer with.</summary>
public sealed record Refusal(int Status, string Type, string When);

/// <summary>A header that an endpoint looks at.</summary>
public sealed record HeededHeader(string Name, string What, string? Example);

/// <summary>A header that an endpoint sends.</summary>
public sealed record SentHeader(string Name, string What, IReadOnlyList<int> With);
