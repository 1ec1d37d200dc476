using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using OrderSaga.Messaging.Scheduling;

namespace OrderSaga.Orchestrator.Migrations.SqlServer;

[DbContext(typeof(OrchestratorDb))]
[Migration("20261121150000_Scheduler")]
internal sealed class Scheduler() : MakeQuartzTables(OrchestratorDb.Schema);
