using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>The stories of orders.http, sent as an editor would send them.</summary>
public sealed partial class When_the_stories_are_told(ITestOutputHelper output)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_answered_as_they_say()
    {
        var stories = Stories(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "orders.http"), Ct)).ToList();
        Assert.InRange(stories.Count, 20, 100);
        await using var place = await Place.OfAsync("embedded");
        // As `dotnet run` starts it.
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development"]);
        var answers = new Dictionary<string, JsonNode?>();
        List<string> wrong = [];
        foreach (var story in stories)
        {
            using var request = story.Make(variable => variable == "shop" ? shop.Http.BaseAddress!.ToString().TrimEnd('/') : Value(answers, variable));
            using var response = await shop.Http.SendAsync(request, Ct);
            var text = await response.Content.ReadAsStringAsync(Ct);
            output.WriteLine($"{(int)response.StatusCode} {story.Title}");
            if ((int)response.StatusCode != story.Status)
                wrong.Add($"{story.Title}: {(int)response.StatusCode} instead of {story.Status}: {text}");
            if (story.Name is not null)
                answers[story.Name] = JsonNode.Parse(text);
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static IEnumerable<Story> Stories(string file) => file.ReplaceLineEndings("\n").Split("\n### ").Skip(1).Select(Story.Parse);

    // {{name.response.body.$.field}}
    private static string Value(Dictionary<string, JsonNode?> answers, string variable)
    {
        var parts = variable.Split(".response.body.$.");
        return answers[parts[0]]![parts[1]]!.GetValue<string>();
    }

    private sealed record Story(string Title, int Status, string? Name, string Method, string Url, IReadOnlyList<(string Name, string Value)> Headers, string Body)
    {
        public static Story Parse(string text)
        {
            var (head, body) = text.Split("\n\n", 2) is [var first, var rest] ? (first, rest) : (text, "");
            var lines = head.Split('\n');
            var comments = lines.Skip(1).TakeWhile(l => l.StartsWith('#')).Select(l => l.TrimStart('#', ' ')).ToList();
            var request = lines[1 + comments.Count].Split(' ');
            return new(
                lines[0],
                int.Parse(comments.Single(c => c.StartsWith("Expect: ", StringComparison.Ordinal))[8..], CultureInfo.InvariantCulture),
                comments.Find(c => c.StartsWith("@name ", StringComparison.Ordinal))?[6..],
                request[0],
                request[1],
                [.. lines.Skip(2 + comments.Count).Where(l => l.Length > 0).Select(l => l.Split(": ", 2)).Select(h => (h[0], h[1]))],
                body.Trim());
        }

        public HttpRequestMessage Make(Func<string, string> valueOf)
        {
            var request = new HttpRequestMessage(new(Method), Variable.Replace(Url, m => valueOf(m.Groups[1].Value)));
            if (Body.Length > 0)
                request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Body));
            foreach (var (name, value) in Headers)
                if (name == "Content-Type")
                    request.Content!.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
                else
                    request.Headers.TryAddWithoutValidation(name, value);
            return request;
        }
    }

    [GeneratedRegex(@"\{\{([^}]+)\}\}")]
    private static partial Regex Variable { get; }
}
