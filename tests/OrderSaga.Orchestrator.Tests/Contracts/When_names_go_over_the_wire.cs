using MassTransit;

namespace OrderSaga.Orchestrator.Tests.Contracts;

public class When_names_go_over_the_wire
{
    /// A name that is gone from the list no longer reaches services that still run. Names may be added to the file, never taken away.
    [Fact]
    public void Should_be_the_names_that_were_approved()
    {
        string[] names =
        [
            "messages",
            .. Contract.Messages.Select(MessageUrn.ForTypeString),
            "",
            "values inside messages",
            .. Contract.Values.Select(type => type.FullName!),
        ];

        Assert.Equal(File.ReadAllLines(Path.Combine(Contract.Folder, "WireNames.txt")), names);
    }
}
