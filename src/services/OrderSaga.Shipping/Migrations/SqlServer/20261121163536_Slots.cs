using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Services.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class Slots : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateOnly>(
                name: "delivery_day",
                schema: "shipping",
                table: "shipments",
                type: "date",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "packed_at",
                schema: "shipping",
                table: "shipments",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "delivery_slots",
                schema: "shipping",
                columns: table => new
                {
                    day = table.Column<DateOnly>(type: "date", nullable: false),
                    capacity = table.Column<int>(type: "int", nullable: false),
                    taken = table.Column<int>(type: "int", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_delivery_slots", x => x.day);
                    table.CheckConstraint("ck_delivery_slots", "taken >= 0");
                });

            migrationBuilder.CreateTable(
                name: "under_way",
                schema: "shipping",
                columns: table => new
                {
                    order_id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    step = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: false),
                    command = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    fingerprint = table.Column<string>(type: "nvarchar(32)", maxLength: 32, nullable: true),
                    since = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false),
                    due = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    promised = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false),
                    version = table.Column<int>(type: "int", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_under_way", x => new { x.order_id, x.step });
                });

            migrationBuilder.CreateIndex(
                name: "ix_due",
                schema: "shipping",
                table: "under_way",
                column: "due",
                filter: "due IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "delivery_slots",
                schema: "shipping");

            migrationBuilder.DropTable(
                name: "under_way",
                schema: "shipping");

            migrationBuilder.DropColumn(
                name: "delivery_day",
                schema: "shipping",
                table: "shipments");

            migrationBuilder.DropColumn(
                name: "packed_at",
                schema: "shipping",
                table: "shipments");
        }
    }
}
