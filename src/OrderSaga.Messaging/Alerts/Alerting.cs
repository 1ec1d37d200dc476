using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.DeadLetters;

namespace OrderSaga.Messaging.Alerts;

/// <summary>Takes alerts over, so that none is lost between who raises it and who is on call. Needs the store of dead letters, for theirs is one schema.</summary>
public sealed class Alerting(OpsDb db, IOptions<AlertOptions> options, Doorbell<OpsDb> bell, TimeProvider time)
{
    /// <summary>Keeps an alert, once per id, and has it delivered if there is where to.</summary>
    public async Task RaiseAsync(Guid id, Guid? sagaId, string text, string body, CancellationToken ct)
    {
        if (await db.Alerts.AnyAsync(a => a.Id == id, ct).ConfigureAwait(false))
            return;
        var now = time.GetUtcNow();
        db.Add(new Alert { Id = id, SagaId = sagaId, Text = text.Length <= Longest ? text : text[..Longest], Body = body, At = now, Due = options.Value.Webhook is null ? null : now });
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
        bell.Ring();
    }

    internal const int Longest = 1000;

    /// <summary>Alerts are delivered by this process.</summary>
    public static void AddAlerts(IServiceCollection services)
    {
        services.AddSection<AlertOptions>(AlertOptions.Section);
        services.AddSingleton<Doorbell<OpsDb>>();
        services.AddScoped<Alerting>();
        services.AddHostedService<AlertDelivery>();
    }

    /// <summary>What is wrong with the section Alerts, with the key, its value and the remedy.</summary>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) =>
        Section.Check<AlertOptions>(configuration, AlertOptions.Section, "Webhook is an address, such as https://alerts.example.org/hook.", o => o.Check());
}
