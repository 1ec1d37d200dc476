namespace OrderSaga.Messaging.Databases;

/// <summary>A schema that cannot be brought to this version; the message says why and what helps.</summary>
public sealed class SchemaException : Exception
{
    private SchemaException(string message) : base(message)
    {
    }

    internal static SchemaException WithoutHistory(string schema) => new(
        $"The schema {schema} has tables but no history of migrations: a version from before there were migrations made it, or another program. "
        + "Start with an empty database (embedded: move the folder .ordersaga away), or drop the schema.");

    internal static SchemaException WithoutDatabase(string schema) => new(
        $"There is no database for the schema {schema}: the one that its connection string names does not exist, or this account may not open it. Create it, or correct the name.");
}
