using OrderSaga.Messaging.Tests.Support;

// The test program is also the processes that tests kill.
return args switch
{
    ["worker", .. var rest] => await Worker.RunAsync(rest),
    ["alarms", .. var rest] => await NodeProcess.RunAsync(rest),
    _ => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
};
