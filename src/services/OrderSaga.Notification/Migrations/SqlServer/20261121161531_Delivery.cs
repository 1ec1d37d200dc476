using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Services.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class Delivery : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "channel",
                schema: "notification",
                table: "notifications",
                type: "nvarchar(10)",
                maxLength: 10,
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "due",
                schema: "notification",
                table: "notifications",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "sent_at",
                schema: "notification",
                table: "notifications",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "tries",
                schema: "notification",
                table: "notifications",
                type: "int",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.CreateIndex(
                name: "ix_due",
                schema: "notification",
                table: "notifications",
                column: "due",
                filter: "due IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_due",
                schema: "notification",
                table: "notifications");

            migrationBuilder.DropColumn(
                name: "channel",
                schema: "notification",
                table: "notifications");

            migrationBuilder.DropColumn(
                name: "due",
                schema: "notification",
                table: "notifications");

            migrationBuilder.DropColumn(
                name: "sent_at",
                schema: "notification",
                table: "notifications");

            migrationBuilder.DropColumn(
                name: "tries",
                schema: "notification",
                table: "notifications");
        }
    }
}
