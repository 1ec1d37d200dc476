using MassTransit;

namespace OrderSaga.Messaging;

/// <summary>Exchanges named like their contracts, in kebab-case: what an operator reads in the broker's management UI.</summary>
internal sealed class KebabCase(IEntityNameFormatter fallback) : IEntityNameFormatter
{
    public string FormatEntityName<T>() => typeof(T) switch
    {
        { IsGenericType: true } type when type.GetGenericTypeDefinition() == typeof(Fault<>) => "fault-" + Of(type.GetGenericArguments()[0]),
        // What every fault is too.
        var type when type == typeof(Fault) => "fault",
        { IsGenericType: true } => fallback.FormatEntityName<T>(),
        { Namespace: { } name } when name.StartsWith("MassTransit", StringComparison.Ordinal) => fallback.FormatEntityName<T>(),
        var type => Of(type),
    };

    private static string Of(Type type) => KebabCaseEndpointNameFormatter.Instance.SanitizeName(type.Name);
}
