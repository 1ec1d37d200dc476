using OrderSaga.Messaging;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>What an operator did, to whatever it was.</summary>
internal sealed record AuditLine(
    Guid Id, DateTimeOffset At, string Actor, string Action, Guid? OrderId, string? Step, Guid? DeadLetterId, Guid? AlertId, string Outcome, string? Reason, string? Evidence);

/// <summary>Who did what: two lists of two databases, told as one. Of what happened at once, orders come first.</summary>
internal sealed class AuditTrail(Queries queries, OpsActions actions)
{
    private const int PageSize = 50;

    /// <summary>A page, the last first; none if <paramref name="page"/> is no word that a page gave.</summary>
    public async Task<Page<AuditLine>?> ListAsync(Guid? orderId, string? page, CancellationToken ct)
    {
        PageMark? mark = null;
        if (page is not null && (mark = PageMark.Read(page)) is null)
            return null;
        var ofOrders = await queries.AuditAsync(orderId, mark, PageSize + 1, ct).ConfigureAwait(false);
        var ofOthers = await actions.ListAsync(orderId, mark, PageSize + 1, ct).ConfigureAwait(false);
        var all = ofOrders.Select(a => (Mark: Queries.MarkOf(a), Line: new AuditLine(a.Id, a.At, a.Actor, a.Action, a.OrderId, a.Step, null, null, a.Outcome, a.Reason, a.Evidence)))
            .Concat(ofOthers.Select(a => (Mark: new PageMark(OpsActions.Part, a.At, a.Id), Line: new AuditLine(a.Id, a.At, a.Actor, a.Action, a.SagaId, null, a.DeadLetterId, a.AlertId, a.Outcome, a.Reason, null))))
            .OrderByDescending(a => a.Line.At).ToList();
        return new([.. all.Take(PageSize).Select(a => a.Line)], all.Count <= PageSize ? null : $"{all[PageSize - 1].Mark}");
    }
}
