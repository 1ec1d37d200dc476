using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>The real table, and the routes that orders can take through it. A row that is added is tested by being there.</summary>
internal static class Table
{
    private static readonly OrderStateMachine Machine = MachineWith(new CheckoutOptions());

    /// <summary>Every row, optional or not.</summary>
    public static Route Whole { get; } = Machine.WholeRoute;

    public static Patience Patience { get; } = new CheckoutOptions().Patience;

    public static IReadOnlyList<string> OptionalSteps => Machine.OptionalSteps;

    public static TheoryData<string> Rows => [.. Whole.Select(r => r.Name)];

    /// <summary>The rows before the point of no return.</summary>
    public static TheoryData<string> Undoable => [.. Whole.Where(r => !r.PastReturn).Select(r => r.Name)];

    /// <summary>The same without the first: when one of these is undone, there is another undo after it.</summary>
    public static TheoryData<string> UndoableLater => [.. Whole.Where(r => !r.PastReturn).Skip(1).Select(r => r.Name)];

    public static TheoryData<string> PastReturn => [.. Whole.Where(r => r.PastReturn).Select(r => r.Name)];

    /// <summary>The optional rows that an order leaves out, in every combination.</summary>
    public static TheoryData<string> LeftOut =>
        [.. Enumerable.Range(0, 1 << OptionalSteps.Count).Select(bits => string.Join(' ', OptionalSteps.Where((_, i) => (bits & (1 << i)) != 0)))];

    public static Route Without(string leftOut) => Machine.RouteOf(string.Join(' ', Whole.Select(r => r.Name).Except(leftOut.Split(' '))));

    /// <summary>The route that the table gives to an order that starts under these switches.</summary>
    public static string RouteOf(CheckoutOptions options, bool giftWrap)
    {
        var order = new OrderState();
        var submitted = new SubmitOrder(
            Guid.NewGuid(), new("c-1", "a@example.org"), "EUR", [new("sku-apple", 1, 1m)], new("A", "B 1", "C", "1", "DE"), new("tok_visa"), giftWrap);
        MachineWith(options).Begin(order, (o, _) => o.Accept(submitted, quotesCount: false));
        return order.Route;
    }

    private static OrderStateMachine MachineWith(CheckoutOptions options) => new(new Fixed(options), TimeProvider.System, NullLogger<OrderStateMachine>.Instance);

    private sealed class Fixed(CheckoutOptions options) : IOptionsMonitor<CheckoutOptions>
    {
        public CheckoutOptions CurrentValue => options;

        public CheckoutOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<CheckoutOptions, string?> listener) => null;
    }
}
