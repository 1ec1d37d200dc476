using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Steps;

public static class StepLog
{
    /// <summary>Gives a service's schema its step log.</summary>
    public static void AddStepLog(this ModelBuilder model) => model.Entity<StepLogEntry>(entry =>
    {
        entry.ToTable("step_log");
        entry.HasKey(e => new { e.OrderId, e.Step, e.Undo });
        entry.Property(e => e.Step).HasMaxLength(64);
        entry.Property(e => e.Status).HasMaxLength(20);
        entry.Property(e => e.Fingerprint).HasMaxLength(32);
        entry.Property(e => e.AnswerType).HasMaxLength(200);
    });
}
