using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Orchestrator.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class AskedAtAndTrace : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "asked_at",
                schema: "checkout",
                table: "order_state",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "trace",
                schema: "checkout",
                table: "order_state",
                type: "nvarchar(55)",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "asked_at",
                schema: "checkout",
                table: "order_archive",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "trace",
                schema: "checkout",
                table: "order_archive",
                type: "nvarchar(55)",
                maxLength: 55,
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "asked_at",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.DropColumn(
                name: "trace",
                schema: "checkout",
                table: "order_state");

            migrationBuilder.DropColumn(
                name: "asked_at",
                schema: "checkout",
                table: "order_archive");

            migrationBuilder.DropColumn(
                name: "trace",
                schema: "checkout",
                table: "order_archive");
        }
    }
}
