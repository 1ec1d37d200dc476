using OrderSaga.Messaging.Tests.Support;

// The test program is also the process that tests kill.
return args is ["worker", .. var rest]
    ? await Worker.RunAsync(rest)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
