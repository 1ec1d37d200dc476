using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class OrderArchive : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "order_archive",
                schema: "checkout",
                columns: table => new
                {
                    order_id = table.Column<Guid>(type: "uuid", nullable: false),
                    current_state = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    status = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    asked = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: true),
                    attempt = table.Column<int>(type: "integer", nullable: false),
                    phase = table.Column<string>(type: "character varying(10)", maxLength: 10, nullable: true),
                    due = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    deadline = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    saga_deadline = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    token = table.Column<int>(type: "integer", nullable: false),
                    steps = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: false),
                    route = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: false),
                    reason = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: true),
                    paused_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    cancel_reason = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    seen = table.Column<long>(type: "bigint", nullable: false),
                    alerted = table.Column<bool>(type: "boolean", nullable: false),
                    told = table.Column<bool>(type: "boolean", nullable: false),
                    ended = table.Column<string>(type: "character varying(12)", maxLength: 12, nullable: true),
                    faults = table.Column<string>(type: "text", nullable: true),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    ended_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    submitted = table.Column<string>(type: "text", nullable: false),
                    total = table.Column<decimal>(type: "numeric(18,2)", precision: 18, scale: 2, nullable: true),
                    currency = table.Column<string>(type: "character varying(3)", maxLength: 3, nullable: false),
                    customer_id = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    idempotency_key = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_order_archive", x => x.order_id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_archive_ended",
                schema: "checkout",
                table: "order_archive",
                column: "ended_at");

            migrationBuilder.CreateIndex(
                name: "ix_archive_of_customer",
                schema: "checkout",
                table: "order_archive",
                columns: new[] { "customer_id", "idempotency_key" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "order_archive",
                schema: "checkout");
        }
    }
}
