namespace OrderSaga.Messaging.Scheduling;

/// <summary>What is done when a saga's time is up.</summary>
public interface IActOnTimeout<TSaga>
    where TSaga : class, IRowTimer
{
    /// <summary>
    /// Acts, if the row still has this token and its time has passed when it is changed: that is looked up before the call, but two
    /// nodes may make it at once, and the row may move in between. What throws is tried again.
    /// </summary>
    Task ActAsync(Guid sagaId, int token, CancellationToken ct);
}
