using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Services.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class PriceValidity : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "pk_prices",
                schema: "pricing",
                table: "prices");

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "valid_from",
                schema: "pricing",
                table: "prices",
                type: "timestamp with time zone",
                nullable: false,
                defaultValue: new DateTimeOffset(new DateTime(2000, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)));

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "valid_until",
                schema: "pricing",
                table: "prices",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddPrimaryKey(
                name: "pk_prices",
                schema: "pricing",
                table: "prices",
                columns: new[] { "product_id", "currency", "valid_from" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "pk_prices",
                schema: "pricing",
                table: "prices");

            migrationBuilder.DropColumn(
                name: "valid_from",
                schema: "pricing",
                table: "prices");

            migrationBuilder.DropColumn(
                name: "valid_until",
                schema: "pricing",
                table: "prices");

            migrationBuilder.AddPrimaryKey(
                name: "pk_prices",
                schema: "pricing",
                table: "prices",
                columns: new[] { "product_id", "currency" });
        }
    }
}
