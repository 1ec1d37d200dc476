namespace OrderSaga.Host.Commands;

/// <summary>What the commands are, with examples.</summary>
internal static class Help
{
    private const string Whole = """
        ordersaga [run] [--roles ROLE,..] [--urls URL] [--Section:Key VALUE ..]   run the shop, or some of its roles
        ordersaga check [--json]                                                  is everything there that the shop needs
        ordersaga orders list|show|cancel|pause|resume                            the orders of a shop that runs
        ordersaga stuck list|retry|resolve                                        undos that a person has to finish
        ordersaga dead-letters list|show|replay|discard                           messages that could not be handled
        ordersaga alerts list|resend                                              what somebody was to be told, and whether he was
        ordersaga load [--url URL] [--orders N] [--in-flight N | --rate R]        put load on a shop, and report what it took
        ordersaga chaos [--orders N] [--duration TIME] [--seed N]                 break a shop of its own, and see whether every promise is kept
        ordersaga migrate [--script]                                              bring the databases to this version, or print the SQL that does
        ordersaga health [--urls URL]                                             is the one that runs here ready, for health checks
        ordersaga reset [--yes]                                                   remove the data of the embedded database in this folder
        ordersaga diagram [--cells]                                               the saga as Mermaid, or its state-event table as Markdown
        ordersaga help [COMMAND]                                                  this text, or more about a command

        Roles: orchestrator, web, orders, inventory, pricing, payment, shipping, notification (all, if none is named).
        Every key of appsettings.json can also be set in the environment, with __ for the colon.
        Exit codes: 0 done, 1 failed or refused, 2 written wrong. Results go to the standard output, errors to the standard error.
        """;

    private const string Many = """


        --all does it to all that the filters find, in batches of 1, 5, 25 and so on: a batch that fails is the last one. --dry-run counts.
        """;

    private const string Shop = """

          --url URL    the shop, http://127.0.0.1:5080 if it is not given
          --json       what the shop answered, for programs

        The shop has to run, with the role web. Where it wants a key, put it into the environment: Ops__ApiKey=..
        Exit codes: 0 done, 1 failed or refused, 2 written wrong.
        """;

    private static readonly Dictionary<string, string> Topics = new()
    {
        ["run"] = """
            ordersaga [run] [--roles ROLE,..] [--urls URL] [--Section:Key VALUE ..]

            Runs the shop until Ctrl-C: all of it in one process if nothing is said.

              ordersaga
              ordersaga run --urls http://127.0.0.1:8080
              ordersaga run --roles inventory,payment --Transport:Kind RabbitMq --Transport:Uri amqp://user:password@host:5672/vhost --Database:Provider Postgres --Database:ConnectionString "Host=..;Database=.."
            """,
        ["check"] = """
            ordersaga check [--json] [--roles ROLE,..] [--Section:Key VALUE ..]

            Looks whether a shop that is configured like this has what it needs: the settings themselves, each role's database and whether
            its schema is of this version, the broker, the payment gateway, the mail server. Changes nothing.

              ordersaga check
              ordersaga check --roles inventory,payment --json

            Exit codes: 0 all is well, 1 something is not, 2 written wrong.
            """,
        ["orders"] = """
            ordersaga orders list [--state S] [--status S] [--older-than TIME] [--step STEP] [--customer ID] [--paused true|false] [--archived true|false] [--page PAGE]
            ordersaga orders show ORDER
            ordersaga orders cancel|pause|resume ORDER [--reason TEXT]
            ordersaga orders cancel|pause|resume --all [--state S] [--older-than TIME] [--step STEP] [--customer ID] [--reason TEXT] [--dry-run]

            Orders under way come first, the youngest on top, then those that ended. --status is Processing, Completed, Cancelled or
            NeedsAttention; --step is what an order waits for; --older-than is such as 90s, 15m, 2h or 1d. With --archived true it is
            those instead that are in the archive. The customer reads the reason.

              ordersaga orders list --status processing --older-than 5m
              ordersaga orders show 019aa5d2-6a0e-7c3e-8f5b-0d4f5a9be001
              ordersaga orders cancel 019aa5d2-6a0e-7c3e-8f5b-0d4f5a9be001 --reason FRAUD
              ordersaga orders pause --all --step CreateShipment --reason "the warehouse burns"
            """ + Many + Shop,
        ["stuck"] = """
            ordersaga stuck list [--step STEP] [--customer ID] [--older-than TIME] [--page PAGE]
            ordersaga stuck retry ORDER STEP [--reason TEXT]
            ordersaga stuck resolve ORDER STEP --reason TEXT --evidence TEXT
            ordersaga stuck retry --all [--step STEP] [--customer ID] [--older-than TIME] [--reason TEXT] [--dry-run]
            ordersaga stuck resolve --all [--step STEP] [--customer ID] [--older-than TIME] --reason TEXT --evidence TEXT [--dry-run]

            An undo that failed time and again waits here. Have it tried again when its cause is mended; or do by hand what it should
            have done, and resolve it with how that is known. Who did it is kept.

              ordersaga stuck list
              ordersaga stuck retry 019aa5d2-6a0e-7c3e-8f5b-0d4f5a9be001 ChargePayment
              ordersaga stuck retry --all --step ChargePayment --reason "the gateway is back"
              ordersaga stuck resolve 019aa5d2-6a0e-7c3e-8f5b-0d4f5a9be001 ChargePayment --reason "refunded by hand" --evidence "bank statement of May 4"
            """ + Many + Shop,
        ["dead-letters"] = """
            ordersaga dead-letters list [--queue Q] [--message CONTRACT] [--cause C] [--order ORDER] [--since TIME] [--status S] [--each] [--page PAGE]
            ordersaga dead-letters show ID
            ordersaga dead-letters replay ID [--reason TEXT]
            ordersaga dead-letters discard ID --reason TEXT
            ordersaga dead-letters replay --all [--queue Q] [--message CONTRACT] [--cause C] [--order ORDER] [--since TIME] [--reason TEXT] [--dry-run]
            ordersaga dead-letters discard --all [--queue Q] [--message CONTRACT] [--cause C] [--order ORDER] [--since TIME] --reason TEXT [--dry-run]

            Messages that could not be handled, counted by their kind; --each lists them one by one, --status is waiting (if it is not said),
            replaying, replayed, discarded or any; --since is a time, or an age such as 2h. A replay sends one as it came, to its own queue.

              ordersaga dead-letters list
              ordersaga dead-letters list --queue payment --each
              ordersaga dead-letters replay 5b0c7c0e-5d3a-8f43-9d52-1f3c8f9f0a11
              ordersaga dead-letters discard --all --queue order-state --cause NotAcceptedException --reason "the import of May 4, sent again since"
            """ + Many + Shop,
        ["alerts"] = """
            ordersaga alerts list [--state S] [--order ORDER] [--page PAGE]
            ordersaga alerts resend ALERT

            What somebody was to be told, the last first. --state is waiting, delivered, givenUp (nobody took it, half a day long) or kept
            (there was nobody to deliver it to).

              ordersaga alerts list --state givenUp
            """ + Shop,
        ["load"] = """
            ordersaga load [--url URL] [--orders N] [--duration TIME] [--in-flight N | --rate R] [--warm-up N] [--mix ENDING=WEIGHT,..] [--products ID=WEIGHT,..]
                           [--price AMOUNT] [--seed N] [--patience TIME] [--json] [--html FILE] [--compare FILE] [--management URL] [--Section:Key VALUE ..]

            Places orders, sees them come to rest, and reports orders/s, p50, p95, p99 and max, and what an order costs: processor time by process,
            transactions, statements, bytes of write-ahead log, broker messages. What cannot be counted is left out and named.

              --url URL        a shop that runs; without it one is started for the run, with these settings, and removed afterwards
              --orders N       how many are measured (1000, unless --duration is given), after --warm-up N others (100)
              --duration TIME  such as 90s or 5m: after it no more are placed
              --in-flight N    so many are under way at a time (100); or
              --rate R         so many become due per second, whatever becomes of those before; latency counts from when an order was due
              --mix            how orders are meant to end: complete, declined, sold-out, cancelled; and where faults are honoured returned (undone
                               after the charge) and stuck (an undo fails)
              --products       what is ordered (sku-apple,sku-pear,sku-plum); a single one is what all orders contend for
              --price AMOUNT   the quote that orders carry: needed where the step FreezePrice is off
              --seed N         chooses which order is what (1)
              --patience TIME  it is given up when nothing happened for so long (2m)
              --html FILE      the report as a page too; --json prints it for programs, and is what --compare takes
              --management URL of RabbitMQ, with user and password if they differ from those of Transport:Uri

            With --url, settings say where it can count: Database:* of the shop (or the embedded database of this folder), Transport:Uri. Then ends are
            seen in the database, else by following each order. Processes are those of this machine. Ctrl-C ends it with a report of what was done.

              ordersaga load
              ordersaga load --orders 3000 --warm-up 500 --Checkout:Steps:FreezePrice=false --Checkout:Steps:CreateShipment=false --price 3.99 --json > before.json
              ordersaga load --rate 30 --duration 1m --mix complete=9,declined=1 --compare before.json --html load.html
              ordersaga load --url http://127.0.0.1:5080 --Database:Provider Postgres --Database:ConnectionString "Host=..;Database=.."

            Exit codes: 0 every order came to rest as it was meant to, 1 some did not, 2 written wrong, 130 interrupted.
            """,
        ["chaos"] = """
            ordersaga chaos [--orders N] [--duration TIME] [--seed N] [--mix ENDING=WEIGHT,..] [--products ID=WEIGHT,..] [--patience TIME] [--json]
                            [--management URL] [--logs FOLDER] [--Section:Key VALUE ..]

            Starts a shop, breaks it while orders come in, mends it, and compares what was promised to every order with everybody's books and with the
            gateway's ledger: each promise with how often it was broken. With RabbitMQ and a database that are named it is three processes, each role twice.

              --orders N       how many come (100), evenly over
              --duration TIME  for so long things break (60s): processes killed, frozen and told to stop, database connections ended, the clock moved
                               forward, and where RabbitMQ's management answers its connections closed, its queues deleted and emptied
              --seed N         chooses what happens when, and which order is what; without it, one by chance
              --mix            as of load; also gateway-fails, gateway-slow, gateway-lost (charged, and the answer lost), doubled, unheard, late, silent,
                               broken, deadly (whoever carries it out dies), undone-late, stuck-once
              --patience TIME  what is not well so long after all is mended stays so (2m)
              --management URL of RabbitMQ, with user and password if they differ from those of Transport:Uri
              --logs FOLDER    keeps what each process says

            It refuses a database with orders of others, and a virtual host that somebody is connected to. Settings go to every process, after its own:
            short times, and Development.

              ordersaga chaos
              ordersaga chaos --seed 7 --orders 300 --duration 3m --Database:Provider Postgres --Database:ConnectionString "Host=..;Database=chaos" \
                --Transport:Kind RabbitMq --Transport:Uri amqp://user:password@127.0.0.1:5672/chaos

            Exit codes: 0 every promise was kept, 1 one was not, 2 written wrong, 130 interrupted.
            """,
        ["migrate"] = """
            ordersaga migrate [--script] [--roles ROLE,..] [--Section:Key VALUE ..]

            Does to the databases what every start does, on its own; or prints the SQL, which may be run on any version and again.

              ordersaga migrate --Database:Provider Postgres --Database:ConnectionString "Host=..;Database=.."
              ordersaga migrate --script --Database:Provider SqlServer > migrate.sql
            """,
        ["health"] = """
            ordersaga health [--urls URL]

            Asks the program that runs on this machine whether it can do its work, for images that have nothing else to ask with.

              ordersaga health
              ordersaga health --urls http://127.0.0.1:8080

            Exit codes: 0 it is ready, 1 it is not or nobody answers.
            """,
        ["reset"] = """
            ordersaga reset [--yes]

            Removes the data of the embedded database in this folder, after asking; --yes is for scripts. Refused while a shop uses it.

              ordersaga reset
            """,
        ["diagram"] = """
            ordersaga diagram [--cells]

            Prints the saga as a Mermaid diagram, or what happens on every event in every state as a Markdown table.

              ordersaga diagram > saga.mmd
            """,
    };

    public static IEnumerable<string> Commands => [.. Topics.Keys, "help"];

    public static int Print(string? command)
    {
        if (command is null or "help")
            Console.WriteLine(Whole);
        else if (Topics.TryGetValue(command, out var topic))
            Console.WriteLine(topic);
        else
        {
            Console.Error.WriteLine($"There is no command '{command}'. Commands: {string.Join(", ", Commands)}.");
            return CommandLine.WrongUsage;
        }

        return CommandLine.Done;
    }
}
