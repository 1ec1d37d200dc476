using System.Linq.Expressions;
using MassTransit;

namespace OrderSaga.Messaging;

/// <summary>
/// What this room has to know of a message: which saga it belongs to. By convention that is the first property of the contract, a Guid.
/// </summary>
public static class SagaMessage<T>
    where T : class
{
    /// <summary>Reads the id of the saga.</summary>
    public static Func<T, Guid> SagaId { get; } = Reader();

    private static Func<T, Guid> Reader()
    {
        var first = typeof(T).GetConstructors().MaxBy(c => c.GetParameters().Length)?.GetParameters().FirstOrDefault();
        var property = first is null ? null : typeof(T).GetProperty(first.Name!);
        if (property?.PropertyType != typeof(Guid))
            throw new InvalidOperationException($"{typeof(T)} cannot belong to a saga: make a Guid, the saga's id, the first property of the record.");
        var message = Expression.Parameter(typeof(T));
        return Expression.Lambda<Func<T, Guid>>(Expression.Property(message, property), message).Compile();
    }
}

/// <summary>The headers that every message of a saga carries.</summary>
public static class SagaHeaders
{
    public const string SagaId = "saga-id";
    public const string Step = "saga-step";
    public const string Key = "idempotency-key";

    /// <summary>The one place where a key is made: the same saga and action give the same key, two actions never share one.</summary>
    public static string KeyOf(Guid sagaId, string action) => $"saga:{sagaId}:{action}";

    public static void Mark(SendContext context, Guid sagaId, string step, string action)
    {
        context.CorrelationId = sagaId;
        context.Headers.Set(SagaId, sagaId.ToString());
        context.Headers.Set(Step, step);
        context.Headers.Set(Key, KeyOf(sagaId, action));
    }
}
