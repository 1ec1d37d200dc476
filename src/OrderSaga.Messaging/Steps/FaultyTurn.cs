using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Steps;

/// <summary>What a turn at a step does on purpose, where the command says so and the process honours it.</summary>
internal static class FaultyTurn
{
    /// <summary>The fault that a command brings for this step, if there is one.</summary>
    public static PlannedFault? Of(IEnumerable<PlannedFault> faults, string step, bool undo, bool redelivered)
    {
        var fault = faults.FirstOrDefault(f => f.Step == step && FaultKind.IsOfUndo(f.Kind) == undo);
        // The process that died of it is another one by now: a second death would only be the same again.
        return redelivered && fault is { Kind: FaultKind.Crash } ? null : fault;
    }

    /// <summary>False if nothing is to be done.</summary>
    public static bool Begins(this Turn turn) => turn.Fault?.Kind switch
    {
        FaultKind.Throw or FaultKind.UndoThrow => throw new PlannedFaultException(turn.Action),
        FaultKind.Silent or FaultKind.UndoSilent => false,
        _ => true,
    };

    public static bool IsToRefuse(this Turn turn) => turn.Fault is { Kind: FaultKind.Refuse };

    /// <summary>Done and committed: what becomes of the answer.</summary>
    public static async Task AnswerAsync(this Turn turn, Func<IPublishEndpoint, CancellationToken, Task> publish)
    {
        switch (turn.Fault?.Kind)
        {
            case FaultKind.Crash:
                using (var self = Process.GetCurrentProcess())
                    self.Kill();
                break;
            case FaultKind.Late:
                _ = AnswerLateAsync(turn, publish);
                return;
            case FaultKind.Duplicate:
                await publish(turn.Bus, turn.Ct).ConfigureAwait(false);
                break;
        }

        try
        {
            await publish(turn.Bus, turn.Ct).ConfirmedAsync(turn.Ct).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            turn.Log(typeof(FaultyTurn)).LogWarning(e, "Order {OrderId}: the broker did not confirm the answer to {Action}; whoever asks again gets it again", turn.OrderId, turn.Action);
        }
    }

    // Beside the message that asked, which is acknowledged now; if the process ends before, the answer is late for ever.
    private static async Task AnswerLateAsync(Turn turn, Func<IPublishEndpoint, CancellationToken, Task> publish)
    {
        var bus = turn.Services.GetRequiredService<IBus>();
        var log = turn.Log(typeof(FaultyTurn));
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(turn.Fault!.Seconds ?? 60), turn.Time).ConfigureAwait(false);
            await publish(bus, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            log.LogInformation(e, "Order {OrderId}: the late answer to {Action} was not sent", turn.OrderId, turn.Action);
        }
    }
}

/// <summary>It was planned.</summary>
public sealed class PlannedFaultException(string action) : Exception($"{action} breaks, as the order's fault plan says.");
