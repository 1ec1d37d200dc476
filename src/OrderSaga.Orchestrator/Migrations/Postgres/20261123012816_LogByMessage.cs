using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.Postgres
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

            // An order's route stands behind all that events change: PostgreSQL logs a changed row from the first changed byte to the last.
            migrationBuilder.Sql("ALTER TABLE checkout.order_state RENAME COLUMN route TO route_amid;");
            migrationBuilder.Sql("ALTER TABLE checkout.order_state ADD COLUMN route character varying(1000);");
            migrationBuilder.Sql("UPDATE checkout.order_state SET route = route_amid;");
            migrationBuilder.Sql("ALTER TABLE checkout.order_state ALTER COLUMN route SET NOT NULL, DROP COLUMN route_amid;");
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
