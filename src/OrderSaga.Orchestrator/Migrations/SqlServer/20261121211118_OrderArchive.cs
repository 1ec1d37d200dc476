using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.SqlServer
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
                    order_id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    current_state = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: false),
                    status = table.Column<string>(type: "nvarchar(20)", maxLength: 20, nullable: false),
                    version = table.Column<int>(type: "int", nullable: false),
                    asked = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: true),
                    attempt = table.Column<int>(type: "int", nullable: false),
                    phase = table.Column<string>(type: "nvarchar(10)", maxLength: 10, nullable: true),
                    due = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    deadline = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    saga_deadline = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    token = table.Column<int>(type: "int", nullable: false),
                    steps = table.Column<string>(type: "nvarchar(1000)", maxLength: 1000, nullable: false),
                    route = table.Column<string>(type: "nvarchar(1000)", maxLength: 1000, nullable: false),
                    reason = table.Column<string>(type: "nvarchar(100)", maxLength: 100, nullable: true),
                    paused_at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    cancel_reason = table.Column<string>(type: "nvarchar(200)", maxLength: 200, nullable: true),
                    seen = table.Column<long>(type: "bigint", nullable: false),
                    alerted = table.Column<bool>(type: "bit", nullable: false),
                    told = table.Column<bool>(type: "bit", nullable: false),
                    ended = table.Column<string>(type: "nvarchar(12)", maxLength: 12, nullable: true),
                    faults = table.Column<string>(type: "nvarchar(max)", nullable: true),
                    started_at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false),
                    ended_at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    submitted = table.Column<string>(type: "nvarchar(max)", nullable: false),
                    total = table.Column<decimal>(type: "decimal(18,2)", precision: 18, scale: 2, nullable: true),
                    currency = table.Column<string>(type: "nvarchar(3)", maxLength: 3, nullable: false),
                    customer_id = table.Column<string>(type: "nvarchar(100)", maxLength: 100, nullable: false),
                    idempotency_key = table.Column<string>(type: "nvarchar(200)", maxLength: 200, nullable: true)
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
