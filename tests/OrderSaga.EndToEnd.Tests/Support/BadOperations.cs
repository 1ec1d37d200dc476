using System.Text;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>Everything that can be wrong with what operators ask for.</summary>
internal static class BadOperations
{
    public static IEnumerable<BadRequest> All()
    {
        foreach (var (question, field) in new[]
        {
            ("dead-letters?since=soon", "since"), ("dead-letters?since=7:7:7:7:7", "since"), ("dead-letters?orderId=7", "orderId"), ("dead-letters?status=lost", "status"), ("dead-letters?queues=payment", "queues"),
            ("dead-letters?page=2", "page"), ("dead-letters?page=u.1.00000000000000000000000000000000.", "page"), ("alerts?state=lost", "state"), ("alerts?orderId=x", "orderId"), ("alerts?page=l.1.x.", "page"),
            ("audit?page=two", "page"), ("orders?paused=1", "paused"), ("stuck?olderThan=old", "olderThan"),
        })
            yield return Ask(HttpMethod.Get, question, 400, field);
        foreach (var id in new[] { "seven", $"{Guid.Empty}", "00000000-0000-0000-0000-0000000000000", "%20", "'%20OR%20'1'='1" })
        {
            yield return Ask(HttpMethod.Get, $"dead-letters/{id}", 404);
            yield return Ask(HttpMethod.Post, $"dead-letters/{id}/replay", 404);
            yield return Ask(HttpMethod.Post, $"dead-letters/{id}/discard", 404, body: """{ "reason": "a test" }""");
            yield return Ask(HttpMethod.Post, $"alerts/{id}/resend", 404);
        }

        foreach (var (body, field) in new[] { ("{}", "reason"), ("""{ "reason": "" }""", "reason"), ("""{ "reason": 7 }""", "reason"), ("""{ "reason": "4111 1111 1111 1111" }""", "reason"), ("""{ "why": "x" }""", "why") })
            yield return Ask(HttpMethod.Post, $"dead-letters/{Guid.Empty}/discard", 400, field, body);
        yield return Ask(HttpMethod.Post, $"dead-letters/{Guid.Empty}/discard", 415);
        foreach (var path in new[] { "orders/pause", "orders/resume", "orders/cancel", "stuck/retry", "dead-letters/replay" })
        {
            yield return Ask(HttpMethod.Post, path, 400, "all");
            foreach (var (body, field) in new[] { ("{}", "all"), ("""{ "all": "yes" }""", "all"), ("""{ "all": true, "most": 0 }""", "most"), ("""{ "all": true, "most": 1001 }""", "most"), ("""{ "all": true, "dryrun": true }""", "dryrun") })
                yield return Ask(HttpMethod.Post, path, 400, field, body);
            yield return Ask(HttpMethod.Post, $"{path}?page=2", 400, "page", """{ "all": true, "dryRun": true }""");
            yield return Ask(HttpMethod.Put, path, 405);
        }

        yield return Ask(HttpMethod.Post, "stuck/resolve?step=ChargePayment", 400, "evidence", """{ "reason": "by hand" }""");
        yield return Ask(HttpMethod.Post, "dead-letters/discard?queue=payment", 400, "reason", """{ "dryRun": true }""");
        yield return Ask(HttpMethod.Post, "orders/cancel?status=Completed", 400, "status");
        yield return Ask(HttpMethod.Post, "orders/pause?step=Dance", 400, "step");
        yield return Ask(HttpMethod.Post, "orders/cancel?paused=true", 400, "paused");
        yield return Ask(HttpMethod.Post, "orders/cancel?archived=true", 400, "archived");
    }

    private static BadRequest Ask(HttpMethod method, string path, int status, string? field = null, string? body = null) => new($"{method} /ops/{path} {body}".TrimEnd(), status, field)
    {
        Method = method, Path = $"/ops/{path}", Body = body is null ? [] : Encoding.UTF8.GetBytes(body),
    };
}
