using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>Says how many dead letters wait for a person. What waits for people does not make a process less ready.</summary>
internal sealed class DeadLettersCheck(DeadLetterDesk desk) : Check
{
    protected override string Subject => "The table of dead letters";

    protected override async Task<HealthCheckResult> LookAsync(CancellationToken ct)
    {
        try
        {
            return HealthCheckResult.Healthy(await desk.WaitingAsync(ct).ConfigureAwait(false) is { Waiting: > 0 } letters
                ? string.Create(CultureInfo.InvariantCulture, $"{letters.Waiting} dead letters wait for a person, the oldest since {letters.Oldest:u}: see /ops/dead-letters.")
                : null);
        }
        catch (Exception e) when (Outage.Is(e))
        {
            // That the database is away says its own check.
            return HealthCheckResult.Healthy("It is not known how many dead letters wait: the database does not answer.");
        }
    }
}
