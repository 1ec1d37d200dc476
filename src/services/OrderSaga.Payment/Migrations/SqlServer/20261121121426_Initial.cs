using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Services.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.EnsureSchema(
                name: "payment");

            migrationBuilder.CreateTable(
                name: "charges",
                schema: "payment",
                columns: table => new
                {
                    order_id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    amount = table.Column<decimal>(type: "decimal(18,2)", precision: 18, scale: 2, nullable: false),
                    currency = table.Column<string>(type: "nvarchar(3)", maxLength: 3, nullable: false),
                    status = table.Column<string>(type: "nvarchar(20)", maxLength: 20, nullable: false),
                    charge_id = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_charges", x => x.order_id);
                });

            migrationBuilder.CreateTable(
                name: "fraud_checks",
                schema: "payment",
                columns: table => new
                {
                    order_id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    customer_id = table.Column<string>(type: "nvarchar(200)", maxLength: 200, nullable: false),
                    number = table.Column<int>(type: "int", nullable: false),
                    amount = table.Column<decimal>(type: "decimal(18,2)", precision: 18, scale: 2, nullable: false),
                    currency = table.Column<string>(type: "nvarchar(3)", maxLength: 3, nullable: false),
                    status = table.Column<string>(type: "nvarchar(20)", maxLength: 20, nullable: false),
                    at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_fraud_checks", x => x.order_id);
                });

            migrationBuilder.CreateTable(
                name: "step_log",
                schema: "payment",
                columns: table => new
                {
                    order_id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    step = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: false),
                    undo = table.Column<bool>(type: "bit", nullable: false),
                    status = table.Column<string>(type: "nvarchar(20)", maxLength: 20, nullable: false),
                    at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false),
                    fingerprint = table.Column<string>(type: "nvarchar(32)", maxLength: 32, nullable: true),
                    answer_type = table.Column<string>(type: "nvarchar(200)", maxLength: 200, nullable: false),
                    answer = table.Column<string>(type: "nvarchar(max)", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_step_log", x => new { x.order_id, x.step, x.undo });
                });

            migrationBuilder.CreateIndex(
                name: "ix_charges_charge_id",
                schema: "payment",
                table: "charges",
                column: "charge_id",
                unique: true,
                filter: "[charge_id] IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_fraud_checks_customer_id_number",
                schema: "payment",
                table: "fraud_checks",
                columns: new[] { "customer_id", "number" },
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "charges",
                schema: "payment");

            migrationBuilder.DropTable(
                name: "fraud_checks",
                schema: "payment");

            migrationBuilder.DropTable(
                name: "step_log",
                schema: "payment");
        }
    }
}
