namespace OrderSaga.Messaging.Databases;

/// <summary>A context, and the schema that is its own: its tables are there, and the history of its migrations.</summary>
public interface IOwnsSchema
{
    static abstract string Schema { get; }
}
