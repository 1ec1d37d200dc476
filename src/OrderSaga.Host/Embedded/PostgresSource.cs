namespace OrderSaga.Host.Embedded;

/// <summary>Where PostgreSQL's programs may come from: folders that may hold them, and a package to fetch if none does.</summary>
/// <param name="Places">Folders; a star stands for one name.</param>
/// <param name="Package">None, if nothing is to be fetched.</param>
internal sealed record PostgresSource(IReadOnlyList<string> Places, PostgresPackage? Package)
{
    public const string Any = "Any", Machine = "Machine", Fetched = "Fetched";

    /// <summary>What the setting Database:Embedded:Programs says: one of the words, or a folder.</summary>
    public static PostgresSource Of(string? programs) => programs switch
    {
        null or "" => Of(Any),
        _ when programs.Equals(Any, StringComparison.OrdinalIgnoreCase) => new(PostgresPrograms.Places(), PostgresPackage.ForThisMachine()),
        _ when programs.Equals(Machine, StringComparison.OrdinalIgnoreCase) => new(PostgresPrograms.Places(), null),
        _ when programs.Equals(Fetched, StringComparison.OrdinalIgnoreCase) => new([], PostgresPackage.ForThisMachine()),
        _ => new([programs], null),
    };
}
