using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace OrderSaga.Services.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class Intents : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "intents",
                schema: "payment",
                columns: table => new
                {
                    order_id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    step = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: false),
                    undo = table.Column<bool>(type: "bit", nullable: false),
                    fingerprint = table.Column<string>(type: "nvarchar(32)", maxLength: 32, nullable: true),
                    command = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false),
                    owner = table.Column<Guid>(type: "uniqueidentifier", nullable: true),
                    due = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: true),
                    version = table.Column<int>(type: "int", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_intents", x => new { x.order_id, x.step, x.undo });
                });

            migrationBuilder.CreateIndex(
                name: "ix_due",
                schema: "payment",
                table: "intents",
                column: "due",
                filter: "due IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "intents",
                schema: "payment");
        }
    }
}
