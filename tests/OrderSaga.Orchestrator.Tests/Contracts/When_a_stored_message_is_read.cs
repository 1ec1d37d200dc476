using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrderSaga.Orchestrator.Tests.Contracts;

/// Messages wait in queues, outboxes and dead letters while versions change. The samples are such messages: change a sample only
/// by adding a field to it, and then keep in mind that the field is missing in what was stored before.
public class When_a_stored_message_is_read
{
    static readonly NullabilityInfoContext Nullability = new();

    public static TheoryData<string> Messages => [.. Contract.Messages.Select(type => type.Name)];

    [Fact]
    public void Should_have_one_sample_for_each_message() =>
        Assert.Equal(
            Contract.Messages.Select(Contract.SampleOf),
            Directory.GetFiles(Path.Combine(Contract.Folder, "Samples")).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Messages))]
    public void Should_come_back_whole(string name)
    {
        var (type, sample) = Read(name);
        var message = JsonSerializer.Deserialize(sample, type, JsonSerializerOptions.Web)!;
        var written = JsonSerializer.Serialize(message, type, JsonSerializerOptions.Web);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(sample), JsonNode.Parse(written)), $"{name} is written as {written}");
        Assert.Equivalent(message, JsonSerializer.Deserialize(written, type, JsonSerializerOptions.Web), strict: true);
    }

    /// A field whose name no longer fits would silently hold its default.
    [Theory, MemberData(nameof(Messages))]
    public void Should_fill_every_field(string name)
    {
        var (type, sample) = Read(name);
        Assert.Empty(Unfilled(name, JsonSerializer.Deserialize(sample, type, JsonSerializerOptions.Web)!));
    }

    static (Type Type, string Sample) Read(string name)
    {
        var type = Contract.Messages.Single(message => message.Name == name);
        return (type, File.ReadAllText(Contract.SampleOf(type)));
    }

    static IEnumerable<string> Unfilled(string path, object value) =>
        from property in value.GetType().GetProperties()
        let part = property.GetValue(value)
        let optional = Nullability.Create(property).ReadState == NullabilityState.Nullable
        from name in Unfilled($"{path}.{property.Name}", part, optional)
        select name;

    static IEnumerable<string> Unfilled(string path, object? part, bool optional) => part switch
    {
        null => optional ? [] : [path],
        string text => text.Length == 0 ? [path] : [],
        IEnumerable list => list.Cast<object>().Any() ? list.Cast<object>().SelectMany(item => Unfilled(path + "[]", item, optional: false)) : [path],
        _ when Contract.All.Contains(part.GetType()) => Unfilled(path, part),
        _ => part.Equals(Activator.CreateInstance(part.GetType())) ? [path] : [],
    };
}
