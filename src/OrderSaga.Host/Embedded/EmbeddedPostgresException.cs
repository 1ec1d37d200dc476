namespace OrderSaga.Host.Embedded;

/// <summary>The private PostgreSQL cannot be had; the message says why and what helps.</summary>
internal sealed class EmbeddedPostgresException(string cause, string remedy, Exception? inner = null)
    : Exception($"{cause.TrimEnd()} {remedy}", inner)
{
    /// <summary>What always helps: a database that somebody else runs.</summary>
    public const string OwnServer = "set Database:Provider=Postgres and Database:ConnectionString to use a server of your own";
}
