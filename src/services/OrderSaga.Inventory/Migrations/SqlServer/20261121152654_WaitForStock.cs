using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Services.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class WaitForStock : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "under_way",
                schema: "inventory",
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
                schema: "inventory",
                table: "under_way",
                column: "due",
                filter: "due IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "under_way",
                schema: "inventory");
        }
    }
}
