using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Deliveries;

namespace OrderSaga.Messaging.Alerts;

/// <summary>
/// Posts alerts, signed: the receiver can tell that one is ours and new, and by its id that it has had it before. Whatever he answers
/// but success is tried again: who is on call mends his end sooner than an alert may get lost.
/// </summary>
internal sealed class AlertDelivery(
    IServiceScopeFactory scopes, IHostApplicationLifetime host, IOptions<AlertOptions> options, TimeProvider time, Doorbell<OpsDb> bell, ILogger<AlertDelivery> log)
    : PatientDelivery<OpsDb, Alert>(scopes, host, time, bell, log, "Delivering alerts")
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(15);

    private readonly TimeProvider time = time;

    // Where it leads is what was configured, nothing that an answer names.
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = Answer };

    protected override IQueryable<Alert> RowOf(OpsDb db, Alert item) => db.Alerts.Where(a => a.Id == item.Id);

    protected override async Task SendAsync(Alert item, CancellationToken ct)
    {
        if (options.Value is not { Webhook: { } webhook, Secret: { } secret })
            throw new NobodyException(); // taken over when there still was a receiver, or sent again
        var at = time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var post = new HttpRequestMessage(HttpMethod.Post, webhook) { Content = new StringContent(item.Body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        post.Headers.Add("OrderSaga-Alert", item.Id.ToString());
        post.Headers.Add("OrderSaga-Signature", $"t={at},v1={Sign(secret, $"{at}.{item.Body}")}");
        using var response = await http.SendAsync(post, HttpCompletionOption.ResponseHeadersRead, ct).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"The receiver of alerts answered {(int)response.StatusCode}.");
    }

    protected override bool IsFinal(Exception e) => e is NobodyException;

    protected override void WhenFailed(UpdateSettersBuilder<Alert> row, Exception why)
    {
        var error = why.Message.Length <= Alerting.Longest ? why.Message : why.Message[..Alerting.Longest];
        row.SetProperty(a => a.Error, error);
    }

    protected override void WhenSent(UpdateSettersBuilder<Alert> row) => row.SetProperty(a => a.Error, (string?)null);

    public override void Dispose()
    {
        http.Dispose();
        base.Dispose();
    }

    private static string Sign(string secret, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));

    private sealed class NobodyException() : Exception("Nobody is named who takes alerts: set Alerts:Webhook and Alerts:Secret where the orchestrator runs, and have it sent again.");
}
