using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class EndedByAge : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.CreateIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state",
                columns: new[] { "ended_at", "current_state", "started_at" },
                filter: "ended_at IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.CreateIndex(
                name: "ix_ended",
                schema: "checkout",
                table: "order_state",
                columns: new[] { "ended_at", "current_state" },
                filter: "ended_at IS NOT NULL");
        }
    }
}
