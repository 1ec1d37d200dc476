using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Messaging.DeadLetters.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class Decisions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<bool>(
                name: "cut",
                schema: "ops",
                table: "dead_letters",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "due",
                schema: "ops",
                table: "dead_letters",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AlterColumn<Guid>(
                name: "saga_id",
                schema: "ops",
                table: "alerts",
                type: "uuid",
                nullable: true,
                oldClrType: typeof(Guid),
                oldType: "uuid");

            migrationBuilder.AddColumn<string>(
                name: "error",
                schema: "ops",
                table: "alerts",
                type: "character varying(1000)",
                maxLength: 1000,
                nullable: true);

            migrationBuilder.CreateTable(
                name: "audit",
                schema: "ops",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    actor = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    action = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: false),
                    dead_letter_id = table.Column<Guid>(type: "uuid", nullable: true),
                    alert_id = table.Column<Guid>(type: "uuid", nullable: true),
                    saga_id = table.Column<Guid>(type: "uuid", nullable: true),
                    outcome = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    reason = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_audit", x => x.id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_to_send",
                schema: "ops",
                table: "dead_letters",
                column: "due",
                filter: "due IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_audit_at_id",
                schema: "ops",
                table: "audit",
                columns: new[] { "at", "id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "audit",
                schema: "ops");

            migrationBuilder.DropIndex(
                name: "ix_to_send",
                schema: "ops",
                table: "dead_letters");

            migrationBuilder.DropColumn(
                name: "cut",
                schema: "ops",
                table: "dead_letters");

            migrationBuilder.DropColumn(
                name: "due",
                schema: "ops",
                table: "dead_letters");

            migrationBuilder.DropColumn(
                name: "error",
                schema: "ops",
                table: "alerts");

            migrationBuilder.AlterColumn<Guid>(
                name: "saga_id",
                schema: "ops",
                table: "alerts",
                type: "uuid",
                nullable: false,
                defaultValue: new Guid("00000000-0000-0000-0000-000000000000"),
                oldClrType: typeof(Guid),
                oldType: "uuid",
                oldNullable: true);
        }
    }
}
