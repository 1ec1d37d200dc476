using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class LogByMessage : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "pk_saga_log",
                schema: "checkout",
                table: "saga_log");

            migrationBuilder.DropIndex(
                name: "ix_saga_log_message_id",
                schema: "checkout",
                table: "saga_log");

            migrationBuilder.AddPrimaryKey(
                name: "pk_saga_log",
                schema: "checkout",
                table: "saga_log",
                columns: new[] { "order_id", "message_id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "pk_saga_log",
                schema: "checkout",
                table: "saga_log");

            migrationBuilder.AddPrimaryKey(
                name: "pk_saga_log",
                schema: "checkout",
                table: "saga_log",
                columns: new[] { "order_id", "seq" });

            migrationBuilder.CreateIndex(
                name: "ix_saga_log_message_id",
                schema: "checkout",
                table: "saga_log",
                column: "message_id",
                unique: true);
        }
    }
}
