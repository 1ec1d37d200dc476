using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using OrderSaga.EndToEnd.Tests.SqlServer;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host;
using Map = System.Collections.Generic.Dictionary<string, object>;

namespace OrderSaga.EndToEnd.Tests.House;

/// <summary>No engine runs the containers here: what can be said of them without one is checked.</summary>
public sealed partial class When_the_containers_are_described
{
    private const string Image = "ordersaga:1.0", Program = "/app/ordersaga";

    public static TheoryData<string> Files => ["docker/compose.yml", "docker/compose.postgres.yml"];

    [Theory, MemberData(nameof(Files))]
    public void Should_hold_every_role_once_with_settings_that_the_program_takes(string file)
    {
        var ours = Services(file).Where(s => s.Value.GetValueOrDefault("image") is Image).ToDictionary();
        Assert.Equal(Settings.AllRoles.Order(), ours.Keys.Order());
        foreach (var (name, service) in ours)
        {
            var environment = Environment(service);
            var settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(environment.Select(e => KeyValuePair.Create(e.Key.Replace("__", ":", StringComparison.Ordinal), (string?)Set(e.Value)))).Build());
            Assert.Equal([name], settings.Roles);
            Assert.Contains("Ops__ApiKey", environment.Keys); // or it would not listen to the others
            Assert.Equal(("rabbitmq", 5672), (settings.TransportUri!.Host, settings.TransportUri.Port));
            Assert.True(ours.ContainsKey("payment") && settings.Payment.GatewayUrl?.ToString() is null or "http://payment:8080/");
            Assert.All(environment.Keys, key => Assert.Contains($"`{key.Replace("__", ":", StringComparison.Ordinal)}`", Tree.Text("README.md"), StringComparison.Ordinal));
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void Should_start_when_what_is_needed_is_healthy(string file)
    {
        var services = Services(file);
        foreach (var (name, service) in services)
        {
            foreach (var (other, how) in (Map)service.GetValueOrDefault("depends_on", new Map()))
            {
                var ends = ((Map)how)["condition"] is "service_completed_successfully";
                Assert.True(services.ContainsKey(other), $"{name} waits for {other}, which is not there.");
                Assert.Equal((name, other, ends), (name, other, !services[other].ContainsKey("healthcheck")));
                Assert.Equal((name, other, ends), (name, other, !services[other].ContainsKey("restart")));
            }

            if (service["image"] is Image)
            {
                Assert.Equal([file.Contains("postgres", StringComparison.Ordinal) ? "postgres" : "database", "rabbitmq"], ((Map)service["depends_on"]).Keys.Order());
                Assert.Equal(["CMD", Program, "health"], (List<object>)((Map)service["healthcheck"])["test"]);
            }
        }

        Assert.Equal(
            services.Values.SelectMany(s => (List<object>)s.GetValueOrDefault("volumes", new List<object>())).Select(v => ((string)v).Split(':')[0]).Order(),
            ((Map)Yaml.Read(Tree.Text(file).Replace(": {}", ": none", StringComparison.Ordinal))["volumes"]).Keys.Order());
    }

    [Theory, MemberData(nameof(Files))]
    public void Should_name_versions_and_no_secrets_and_open_ports_to_this_machine_only(string file)
    {
        var asked = new HashSet<string>();
        foreach (var (name, service) in Services(file))
        {
            Assert.Matches(Version, (string)service["image"]);
            Assert.All((List<object>)service.GetValueOrDefault("ports", new List<object>()), port => Assert.Matches(@"^127\.0\.0\.1:\d+:\d+$", (string)port));
            foreach (var (key, value) in Environment(service))
            {
                asked.UnionWith(Required.Matches(value).Select(m => m.Groups[1].Value));
                if (Secret.IsMatch(key) || Secret.IsMatch(value))
                    Assert.True(Required.IsMatch(value), $"{name} has {key} without ${{VAR:?}}.");
                // All that is filled in must be there.
                Assert.DoesNotContain("${", Required.Replace(value, ""), StringComparison.Ordinal);
            }
        }

        var example = Tree.Text("docker/.env.example").Split('\n').Where(l => l.Length > 0 && l[0] != '#').ToList();
        Assert.All(example, line => Assert.EndsWith("=", line, StringComparison.Ordinal));
        Assert.Subset(example.Select(line => line[..^1]).ToHashSet(), asked);
        Assert.Contains(".env", Tree.Text(".gitignore").Split('\n'));
        Assert.Contains("docker/.env", Tree.Text(".dockerignore").Split('\n'));
    }

    [Fact]
    public void Should_build_an_image_that_is_not_root_and_runs_the_program()
    {
        var lines = Tree.Text("docker/Dockerfile").Split('\n');
        var last = lines.Skip(Array.FindLastIndex(lines, l => l.StartsWith("FROM ", StringComparison.Ordinal))).ToList();
        Assert.All(lines.Where(l => l.StartsWith("FROM ", StringComparison.Ordinal)), from => Assert.Matches(Version, from.Split(' ')[1]));
        // With cultures, for SQL Server's driver.
        Assert.EndsWith("-chiseled-extra", last[0], StringComparison.Ordinal);
        Assert.DoesNotContain(last, l => l.StartsWith("RUN ", StringComparison.Ordinal));
        Assert.Matches("^USER [1-9][0-9]+$", Assert.Single(last, l => l.StartsWith("USER ", StringComparison.Ordinal)));
        Assert.Contains(last, l => l.StartsWith("HEALTHCHECK ", StringComparison.Ordinal) && l.EndsWith($"CMD [\"{Program}\", \"health\"]", StringComparison.Ordinal));
        Assert.Contains($"ENTRYPOINT [\"{Program}\"]", last);
        Assert.Contains("EXPOSE 8080", last);
        Assert.Contains(last, l => l.StartsWith("ENV Urls=http://+:8080 ", StringComparison.Ordinal));
        Assert.All(Files.Select(file => Services(file.Data)["web"]), web => Assert.Equal(["127.0.0.1:5080:8080"], (List<object>)web["ports"]));
        var version = System.Text.Json.JsonDocument.Parse(Tree.Text("global.json")).RootElement.GetProperty("sdk").GetProperty("version").GetString()!;
        Assert.Contains($"/sdk:{version[..4]}-", lines.First(l => l.StartsWith("FROM ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Should_make_the_database_in_words_that_SQL_Server_knows()
    {
        var sql = (string)Assert.Single((List<object>)Services("docker/compose.yml")["database"]["command"]);
        TSql.Read(sql);
        foreach (Match inner in Regex.Matches(sql, @"EXEC\('([^']*)'\)"))
            TSql.Read(inner.Groups[1].Value);
        Assert.Contains("READ_COMMITTED_SNAPSHOT ON", sql, StringComparison.Ordinal);
    }

    private static Dictionary<string, Map> Services(string file) =>
        ((Map)Yaml.Read(Tree.Text(file).Replace(": {}", ": none", StringComparison.Ordinal))["services"]).ToDictionary(s => s.Key, s => (Map)s.Value);

    private static Dictionary<string, string> Environment(Map service) =>
        ((Map)service.GetValueOrDefault("environment", new Map())).ToDictionary(e => e.Key, e => (string)e.Value);

    private static string Set(string value) => Required.Replace(value, "Secret123");

    // At least two numbers; never latest.
    [GeneratedRegex(@":\d+(\.\d+|-CU\d+)[\w.-]*$")]
    private static partial Regex Version { get; }

    [GeneratedRegex(@"\$\{(\w+):\?[^}]+\}")]
    private static partial Regex Required { get; }

    [GeneratedRegex("PASS|Password|Secret|Key|://[^/]*@", RegexOptions.IgnoreCase)]
    private static partial Regex Secret { get; }
}
