using Microsoft.SqlServer.TransactSql.ScriptDom;

namespace OrderSaga.EndToEnd.Tests.SqlServer;

/// <summary>SQL Server's own grammar; it binds no names.</summary>
internal static class TSql
{
    /// <summary>What a text means; fails the test where it means nothing.</summary>
    public static TSqlFragment Read(string text)
    {
        var parsed = Read(text, out var errors);
        Assert.True(errors.Count == 0, $"{string.Join('\n', errors.Select(e => $"line {e.Line}: {e.Message}"))}\n{text}");
        return parsed;
    }

    public static TSqlFragment Read(string text, out IList<ParseError> errors)
    {
        using var reader = new StringReader(text);
        return new TSql150Parser(initialQuotedIdentifiers: true).Parse(reader, out errors);
    }
}
