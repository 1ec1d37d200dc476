using OrderSaga.Host.Commands.Chaos;
using OrderSaga.Host.Commands.Load;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;
using OrderSaga.Orchestrator;

namespace OrderSaga.Host.Commands;

/// <summary>
/// The commands beside running the shop. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. Results go to the standard output,
/// what went wrong as one sentence to the standard error.
/// </summary>
internal static class CommandLine
{
    public const int Done = 0, Failed = 1, WrongUsage = 2;

    /// <summary>Runs the command that is meant; none if it is the shop that is to run.</summary>
    public static async Task<int?> TryRunAsync(string[] args)
    {
        var command = args.FirstOrDefault() ?? "run";
        if (args.Any(a => a is "--help" or "-h"))
            return Help.Print(command.StartsWith('-') ? null : command);
        if (command == "run" || command.StartsWith('-'))
            return null;
        try
        {
            return await RunAsync(command, args[1..]);
        }
        catch (UsageException e)
        {
            Console.Error.WriteLine($"{e.Message} See: ordersaga help {command}");
            return WrongUsage;
        }
        catch (Exception e) when (e is CommandException or SettingsException or EmbeddedPostgresException or SchemaException)
        {
            Console.Error.WriteLine(e.Message);
            return Failed;
        }
    }

    private static async Task<int> RunAsync(string command, string[] args)
    {
        switch (command)
        {
            case "help":
                return Help.Print(args.FirstOrDefault());
            case "diagram":
                Console.Write(Arguments.Read(args, [], [], ["--cells"]).Has("--cells") ? Diagram.Cells() : Diagram.Mermaid());
                return Done;
            case "migrate":
                return await Migrate.RunAsync(args);
            case "reset":
                return await Reset.RunAsync(Start.EmbeddedFolder, args);
            case "health":
                return await Probe.RunAsync(args);
            case "check":
                return await CheckCommand.RunAsync(args);
            case "orders":
                await OrdersCommand.RunAsync(args);
                return Done;
            case "stuck":
                await StuckCommand.RunAsync(args);
                return Done;
            case "dead-letters":
                await DeadLettersCommand.RunAsync(args);
                return Done;
            case "alerts":
                await AlertsCommand.RunAsync(args);
                return Done;
            case "load":
                return await LoadCommand.RunAsync(args);
            case "chaos":
                return await ChaosCommand.RunAsync(args);
            default:
                Console.Error.WriteLine($"There is no command '{command}'. Commands: {string.Join(", ", Help.Commands)}.");
                return WrongUsage;
        }
    }
}
