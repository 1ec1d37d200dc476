using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Operations;

namespace OrderSaga.Tests;

/// <summary>A context of the tests has no migrations in files: its only one is made from its model, and applied like any other.</summary>
internal static class FromTheModel
{
    private const string Id = "00000000000000_FromTheModel";

    public static DbContextOptionsBuilder MigratesFromTheModel(this DbContextOptionsBuilder options) => options.ReplaceService<IMigrationsAssembly, OnlyOne>();

    private sealed class OnlyOne(ICurrentDbContext current, IMigrationsModelDiffer differ, IDesignTimeModel model) : IMigrationsAssembly
    {
        public IReadOnlyDictionary<string, TypeInfo> Migrations { get; } = new Dictionary<string, TypeInfo> { [Id] = typeof(Made).GetTypeInfo() };

        public ModelSnapshot? ModelSnapshot => null;

        public Assembly Assembly => current.Context.GetType().Assembly;

        public string? FindMigrationId(string nameOrId) => nameOrId == Id ? Id : null;

        public Migration CreateMigration(TypeInfo migrationClass, string activeProvider) =>
            new Made(model.Model, differ.GetDifferences(null, model.Model.GetRelationalModel())) { ActiveProvider = activeProvider };
    }

    [Migration(Id)]
    private sealed class Made(IModel model, IReadOnlyList<MigrationOperation> operations) : Migration
    {
        public override IModel TargetModel => model;

        public override IReadOnlyList<MigrationOperation> UpOperations => operations;

        protected override void Up(MigrationBuilder migrationBuilder) => throw new NotSupportedException();
    }
}
