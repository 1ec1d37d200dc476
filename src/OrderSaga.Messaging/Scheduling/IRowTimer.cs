using MassTransit;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>A saga whose row is its timer, written in the commit that sets it: there is nothing else to store, to send, or to take back.</summary>
public interface IRowTimer : ISaga
{
    /// <summary>When time is up; none while nothing is waited for.</summary>
    DateTimeOffset? Due { get; }

    /// <summary>Names the timer that is set. The next one has another token, so that a timer of old is told from the one that counts.</summary>
    int Token { get; }
}
