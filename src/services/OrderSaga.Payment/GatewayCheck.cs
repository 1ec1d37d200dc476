using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Services;

/// <summary>
/// How the payment gateway answered the last call of late; none is made for it. While it fails the process can do all else, and orders wait: so
/// it is degraded, not unready.
/// </summary>
internal sealed class GatewayCheck(GatewayClient gateway) : Check
{
    protected override string Subject => "The payment gateway";

    protected override Task<HealthCheckResult> LookAsync(CancellationToken ct) => Task.FromResult(gateway.Failing is { } why
        ? HealthCheckResult.Degraded($"The payment gateway fails: {why}. Orders wait, at most for their step's time. See that it runs, and that Payment:GatewayUrl is right.")
        : HealthCheckResult.Healthy());
}
