using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Tests.Support
{
    public sealed class Book
    {
        public required string Title { get; init; }

        public int Pages { get; init; }
    }

    /// <summary>A schema with a past: two migrations, and rows to begin with.</summary>
    public sealed class ShelfDb(DbContextOptions<ShelfDb> options) : DbContext(options), IOwnsSchema
    {
        public static string Schema => "shelf";

        public static async Task SeedAsync(ShelfDb db, CancellationToken ct)
        {
            if (!await db.Set<Book>().AnyAsync(ct))
                db.Add(new Book { Title = "first", Pages = 1 });
        }

        protected override void OnModelCreating(ModelBuilder modelBuilder)
        {
            modelBuilder.HasDefaultSchema(Schema);
            modelBuilder.Entity<Book>().ToTable("books").HasKey(b => b.Title);
            modelBuilder.UseSnakeCase();
        }
    }
}

namespace OrderSaga.Messaging.Tests.Support.Migrations.Postgres
{
    [DbContext(typeof(ShelfDb)), Migration("20260101000000_Books")]
    public sealed class Books : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.EnsureSchema("shelf");
            migrationBuilder.CreateTable("books", table => new { title = table.Column<string>("text") }, "shelf", table => table.PrimaryKey("pk_books", b => b.title));
        }
    }

    [DbContext(typeof(ShelfDb)), Migration("20260102000000_Pages")]
    public sealed class Pages : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.AddColumn<int>("pages", "books", "integer", schema: "shelf", defaultValue: 0);
    }
}

namespace OrderSaga.Messaging.Tests.Support.Migrations.SqlServer
{
    [DbContext(typeof(ShelfDb)), Migration("20260103000000_NotForPostgres")]
    public sealed class NotForPostgres : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("EXEC no_such_procedure");
    }
}
