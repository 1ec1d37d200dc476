namespace OrderSaga.Host.Embedded;

/// <summary>The private PostgreSQL cannot be had; the message says why and what helps.</summary>
internal sealed class EmbeddedPostgresException(string cause, string remedy, Exception? inner = null)
    : Exception($"{cause.TrimEnd()} {remedy}", inner)
{
    /// <summary>What always helps: a database that somebody else runs.</summary>
    public const string OwnServer = "set Database:Provider=Postgres and Database:ConnectionString to use a server of your own";

    /// <summary>Whether PostgreSQL says that the disk is full.</summary>
    public static bool SaysFull(string said) => said.Contains("No space left", StringComparison.Ordinal) || said.Contains("free disk space", StringComparison.Ordinal);

    /// <summary>What helps where the programs are missing.</summary>
    public const string GetPrograms = $"Install PostgreSQL (e.g. apt-get install postgresql), or set Database:Embedded:Programs to the folder that holds initdb, pg_ctl and postgres, or {OwnServer}.";
}
