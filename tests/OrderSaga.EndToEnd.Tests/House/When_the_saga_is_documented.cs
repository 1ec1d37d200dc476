using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Orchestrator;

namespace OrderSaga.EndToEnd.Tests.House;

/// <summary>What is drawn and printed in the documentation is what runs.</summary>
public class When_the_saga_is_documented
{
    [Fact]
    public async Task Should_show_the_picture_of_the_table_in_the_readme()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"), TestContext.Current.CancellationToken);
        Assert.True(readme.Contains($"```mermaid\n{Diagram.Mermaid()}```\n", StringComparison.Ordinal), "Put what `ordersaga diagram` prints between ```mermaid and ``` in README.md.");
    }

    [Fact]
    public async Task Should_show_every_cell()
    {
        var cells = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "src", "OrderSaga.Orchestrator", "CELLS.md"), TestContext.Current.CancellationToken);
        Assert.True(cells == Diagram.Cells(), "Redirect `ordersaga diagram --cells` into src/OrderSaga.Orchestrator/CELLS.md, and look at what changed.");
    }
}
