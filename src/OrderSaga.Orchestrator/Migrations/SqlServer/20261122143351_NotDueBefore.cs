using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class NotDueBefore : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.DropIndex(
                name: "ix_under_way",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "not_due_before",
                schema: "checkout",
                table: "order_state",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "not_due_before",
                schema: "checkout",
                table: "order_archive",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.Sql("UPDATE checkout.order_state SET not_due_before = started_at WHERE asked IS NOT NULL;");

            // A process of an older version inserts orders without it while it is replaced: their timers must be found.
            migrationBuilder.Sql("ALTER TABLE checkout.order_state ADD CONSTRAINT df_order_state_not_due_before DEFAULT '1970-01-01' FOR not_due_before;");

            migrationBuilder.CreateIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state",
                columns: new[] { "ended_at", "status", "started_at" },
                filter: "ended_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_under_way",
                schema: "checkout",
                table: "order_state",
                column: "not_due_before",
                filter: "not_due_before IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.DropIndex(
                name: "ix_under_way",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.Sql("ALTER TABLE checkout.order_state DROP CONSTRAINT df_order_state_not_due_before;");

            migrationBuilder.DropColumn(
                name: "not_due_before",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.DropColumn(
                name: "not_due_before",
                schema: "checkout",
                table: "order_archive");

            migrationBuilder.CreateIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state",
                columns: new[] { "ended_at", "current_state", "started_at" },
                filter: "ended_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_under_way",
                schema: "checkout",
                table: "order_state",
                column: "due",
                filter: "asked IS NOT NULL");
        }
    }
}
