using System.Collections;
using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.EndToEnd.Tests.SqlServer;

/// <summary>
/// Stands between EF Core and a server that is not there: keeps every statement, and answers that no row was found and that every
/// change took effect.
/// </summary>
internal sealed partial class AnswersNothing : DbCommandInterceptor, IDbConnectionInterceptor, IDbTransactionInterceptor
{
    private readonly ConcurrentDictionary<string, bool> statements = [];

    /// <summary>Each once.</summary>
    public IReadOnlyList<string> Statements => [.. statements.Keys.Order(StringComparer.Ordinal)];

    public override InterceptionResult<DbCommand> CommandCreating(CommandCorrelatedEventData eventData, InterceptionResult<DbCommand> result) =>
        InterceptionResult<DbCommand>.SuppressWithResult(new Kept(text => statements[text] = true));

    public InterceptionResult ConnectionOpening(DbConnection connection, ConnectionEventData eventData, InterceptionResult result) => InterceptionResult.Suppress();

    public ValueTask<InterceptionResult> ConnectionOpeningAsync(DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(InterceptionResult.Suppress());

    public ValueTask<InterceptionResult<DbTransaction>> TransactionStartingAsync(DbConnection connection, TransactionStartingEventData eventData, InterceptionResult<DbTransaction> result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(InterceptionResult<DbTransaction>.SuppressWithResult(new Nothing(connection)));

    // An update says by a row that it changed one.
    [GeneratedRegex(@"OUTPUT 1\b")]
    private static partial Regex Changed { get; }

    // "Is there any?" has an answer even where there is none.
    [GeneratedRegex(@"^SELECT (CASE|COUNT)\b")]
    private static partial Regex Question { get; }

    /// <summary>Parameters are the driver's own, so that the provider can say what it wants of them.</summary>
    private sealed class Kept(Action<string> keep) : DbCommand
    {
        private readonly SqlCommand parameters = new();

        [AllowNull]
        public override string CommandText { get; set; } = "";

        public override int CommandTimeout { get; set; }

        public override CommandType CommandType { get; set; }

        public override bool DesignTimeVisible { get; set; }

        public override UpdateRowSource UpdatedRowSource { get; set; }

        protected override DbConnection? DbConnection { get; set; }

        protected override DbTransaction? DbTransaction { get; set; }

        protected override DbParameterCollection DbParameterCollection => parameters.Parameters;

        public override void Cancel()
        {
        }

        public override void Prepare()
        {
        }

        public override int ExecuteNonQuery()
        {
            keep(CommandText);
            return 1;
        }

        public override object ExecuteScalar()
        {
            keep(CommandText);
            return 0;
        }

        protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior)
        {
            keep(CommandText);
            return new Answer(Question.IsMatch(CommandText) ? 1 : Changed.Count(CommandText));
        }

        protected override DbParameter CreateDbParameter() => new SqlParameter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                parameters.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class Nothing(DbConnection connection) : DbTransaction
    {
        public override IsolationLevel IsolationLevel => IsolationLevel.ReadCommitted;

        protected override DbConnection DbConnection => connection;

        public override void Commit()
        {
        }

        public override void Rollback()
        {
        }
    }

    /// <summary>As many results of one row with a 1 as there were changes; no rows at all otherwise.</summary>
    private sealed class Answer(int results) : DbDataReader
    {
        private int left = results;
        private bool read;

        public override int FieldCount => 1;

        public override int RecordsAffected => 1;

        public override bool HasRows => left > 0;

        public override bool IsClosed => false;

        public override int Depth => 0;

        public override object this[int ordinal] => 1;

        public override object this[string name] => 1;

        public override bool Read() => left > 0 && !read && (read = true);

        public override bool NextResult()
        {
            read = false;
            return --left > 0;
        }

        public override bool GetBoolean(int ordinal) => false;

        public override byte GetByte(int ordinal) => 1;

        public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) => 0;

        public override char GetChar(int ordinal) => '1';

        public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) => 0;

        public override string GetDataTypeName(int ordinal) => "int";

        public override DateTime GetDateTime(int ordinal) => default;

        public override decimal GetDecimal(int ordinal) => 1;

        public override double GetDouble(int ordinal) => 1;

        public override Type GetFieldType(int ordinal) => typeof(int);

        public override float GetFloat(int ordinal) => 1;

        public override Guid GetGuid(int ordinal) => default;

        public override short GetInt16(int ordinal) => 1;

        public override int GetInt32(int ordinal) => 1;

        public override long GetInt64(int ordinal) => 1;

        public override string GetName(int ordinal) => "Value";

        public override int GetOrdinal(string name) => 0;

        public override string GetString(int ordinal) => "1";

        public override object GetValue(int ordinal) => 1;

        public override int GetValues(object[] values) => 0;

        public override bool IsDBNull(int ordinal) => false;

        public override IEnumerator GetEnumerator() => throw new NotSupportedException();
    }
}
