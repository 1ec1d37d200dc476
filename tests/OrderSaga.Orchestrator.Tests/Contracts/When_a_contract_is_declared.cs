using System.Xml.Linq;
using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator.Tests.Contracts;

public class When_a_contract_is_declared
{
    public static TheoryData<string> All => [.. Contract.All.Select(type => type.Name)];

    public static TheoryData<string> Messages => [.. Contract.Messages.Select(type => type.Name)];

    [Theory, MemberData(nameof(All))]
    public void Should_be_a_sealed_positional_record(string name)
    {
        var type = Find(name);
        Assert.True(type.IsSealed, "not sealed");
        Assert.True(type.GetMethod("<Clone>$") is not null, "not a record");

        var declared = type.GetProperties().Select(property => (property.Name, property.PropertyType));
        var positional = Assert.Single(type.GetConstructors()).GetParameters().Select(parameter => (parameter.Name!, parameter.ParameterType));
        Assert.Equal(positional, declared);
    }

    /// The order's id is what a message is correlated by. Two messages ask and tell about many orders at once, one is about a service.
    [Theory, MemberData(nameof(Messages))]
    public void Should_begin_with_the_order_it_is_about(string name)
    {
        var first = Find(name).GetConstructors()[0].GetParameters()[0];
        var (wanted, type) = name switch
        {
            nameof(AskOutcome) => (nameof(AskOutcome.OrderIds), typeof(IReadOnlyList<Guid>)),
            nameof(CheckoutOutcomes) => (nameof(CheckoutOutcomes.Outcomes), typeof(IReadOnlyList<CheckoutOutcome>)),
            nameof(ServiceAway) => (nameof(ServiceAway.Service), typeof(string)),
            _ => ("OrderId", typeof(Guid)),
        };
        Assert.Equal((wanted, type), (first.Name, first.ParameterType));
    }

    [Theory, MemberData(nameof(All))]
    public void Should_say_what_it_is_for(string name)
    {
        var documentation = XDocument.Load(Path.ChangeExtension(typeof(SubmitOrder).Assembly.Location, ".xml"));
        var summary = documentation.Descendants("member").SingleOrDefault(member => (string?)member.Attribute("name") == $"T:{Find(name).FullName}")?.Element("summary");
        Assert.False(string.IsNullOrWhiteSpace(summary?.Value), $"{name} has no summary");
    }

    [Fact]
    public void Should_need_nothing_but_the_framework() =>
        Assert.All(typeof(SubmitOrder).Assembly.GetReferencedAssemblies(), reference => Assert.StartsWith("System.", reference.Name));

    static Type Find(string name) => Contract.All.Single(type => type.Name == name);
}
