using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Orchestrator;

/// <summary>
/// What is to go wrong with an order on purpose, so that every story can be told through the public faces. It stands in the order's row
/// and travels as a header of the commands that it is meant for; an attempt that it hits is counted off in the commit that asks.
/// </summary>
public static class FaultPlan
{
    private const int MostFaults = 20;
    private const int MostTimes = 1000;

    /// <summary>What is wrong with a plan, by field.</summary>
    internal static IReadOnlyDictionary<string, string[]> Check(IReadOnlyList<PlannedFault> faults, Route steps)
    {
        var wrong = new Dictionary<string, string[]>();
        if (faults.Count > MostFaults)
            wrong.Add("faults", [$"A plan has at most {MostFaults} faults."]);
        for (var i = 0; i < faults.Count; i++)
        {
            var (fault, step) = (faults[i], faults[i] is null ? -1 : steps.IndexOf(faults[i].Step ?? ""));
            if (step < 0 && fault?.Step != PlannedFault.Gateway)
                wrong.Add($"faults[{i}].step", [$"It is one of {string.Join(", ", steps.Select(s => s.Name))}, {PlannedFault.Gateway}."]);
            else if (!FaultKind.All.Contains(fault!.Kind))
                wrong.Add($"faults[{i}].kind", [$"It is one of {string.Join(", ", FaultKind.All)}."]);
            else if (FaultKind.IsOfUndo(fault.Kind) && step >= 0 && steps[step].Undo is null)
                wrong.Add($"faults[{i}].kind", [$"{fault.Step} is never undone."]);
            if (fault?.Times is < 1 or > MostTimes)
                wrong.Add($"faults[{i}].times", [$"It is a whole number from 1 to {MostTimes}, or left out."]);
            if (fault?.Seconds is not null)
                wrong.Add($"faults[{i}].seconds", ["How late an answer is follows from the step's time."]);
        }

        return wrong;
    }

    /// <summary>The plan that a submission on the bus brings in its header.</summary>
    internal static string? Of(ConsumeContext submission, Route steps)
    {
        if (submission.Headers.Get<string>(PlannedFault.Header) is not { Length: > 0 } header)
            return null;
        if (!submission.TryGetPayload<IServiceProvider>(out var services) || services.GetService<FaultPlans>() is not { Honoured: true })
            throw new NotAcceptedException("Fault plans are not honoured here: leave out the header 'faults', or set Faults:Enabled where orders are only tried out.");
        try
        {
            var faults = PlannedFault.Read(header);
            return Check(faults, steps) is { Count: > 0 } wrong
                ? throw new NotAcceptedException($"The fault plan is not one: {string.Join(" ", wrong.Select(w => $"{w.Key}: {w.Value[0]}"))}")
                : PlannedFault.Write(faults);
        }
        catch (JsonException e)
        {
            throw new NotAcceptedException($"The header 'faults' is not a list of faults: {e.Message}");
        }
    }

    /// <summary>The faults that one ask takes with it, counted off in the row. What stands behind a participant counts for itself.</summary>
    internal static string? Take(CompensatingState saga, string step, bool undo, TimeSpan stepTime)
    {
        if (saga.Faults is null)
            return null;
        var plan = PlannedFault.Read(saga.Faults).ToList();
        var taken = plan.Where(f => f.Step == PlannedFault.Gateway).ToList();
        if (plan.FindIndex(f => f.Step == step && FaultKind.IsOfUndo(f.Kind) == undo) is >= 0 and var i)
        {
            // An answer that is to come after the step's time comes as long again after it: timers may be late themselves.
            taken.Add(plan[i] with { Times = null, Seconds = plan[i].Kind == FaultKind.Late ? 2 * stepTime.TotalSeconds : null });
            if (plan[i].Times is { } times)
            {
                plan[i] = plan[i] with { Times = times - 1 };
                plan.RemoveAll(f => f.Times == 0);
                saga.Faults = PlannedFault.Write(plan);
            }
        }

        return PlannedFault.Write(taken);
    }
}
