namespace OrderSaga.Web.Pages;

/// <summary>
/// What the services have written in their own books. Only the host, which knows them all, can read these side by side; the console shows
/// what it is given.
/// </summary>
public interface IBooks
{
    /// <summary>Whether everybody's books agree; reads all of them. Where they cannot be, it says so.</summary>
    Task<Reconciled> ReconcileAsync(CancellationToken ct);

    /// <summary>The service that a command goes to.</summary>
    string ServiceOf(string command);

    /// <summary>What everybody has of one order.</summary>
    Task<OrderBooks> OfOrderAsync(Guid orderId, CancellationToken ct);
}

/// <summary>What came of comparing all books.</summary>
/// <param name="At">When.</param>
/// <param name="Violations">How much does not agree.</param>
/// <param name="Checks">What was looked at.</param>
/// <param name="NotChecked">What could not be, and why.</param>
public sealed record Reconciled(DateTimeOffset At, int Violations, IReadOnlyList<Finding> Checks, string? NotChecked);

/// <summary>Something that must not be, and how often it is.</summary>
/// <param name="Name">What it goes by.</param>
/// <param name="Meaning">What is wrong where it is not 0.</param>
/// <param name="Count">How often; 0 when all is well.</param>
/// <param name="Examples">Some of them: order ids, or products.</param>
public sealed record Finding(string Name, string Meaning, int Count, IReadOnlyList<string> Examples);

/// <summary>What everybody has of one order.</summary>
/// <param name="Steps">What each service's own log says.</param>
/// <param name="Charges">The money, as the payment service believes it is.</param>
/// <param name="Gateway">The money, as the gateway says it is; none if it could not be asked.</param>
/// <param name="Stock">What is or was set aside.</param>
/// <param name="Others">How the order, its parcel and its notices stand.</param>
/// <param name="NotAsked">Services whose books cannot be read from here.</param>
public sealed record OrderBooks(
    IReadOnlyList<StepLine> Steps, IReadOnlyList<ChargeLine> Charges, IReadOnlyList<GatewayLine>? Gateway, IReadOnlyList<StockMark> Stock, IReadOnlyList<StandingLine> Others, IReadOnlyList<string> NotAsked);

public sealed record StepLine(string Service, string Step, bool Undo, string Status, DateTimeOffset At);

public sealed record ChargeLine(decimal Amount, string Currency, string Status, string ChargeId);

public sealed record GatewayLine(string ChargeId, decimal Amount, string Currency, string Status, decimal Refunded);

public sealed record StockMark(string ProductId, int Quantity, string Status);

public sealed record StandingLine(string What, string Status);
