using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Messaging.Tests.Http;

/// <summary>Who may look at and act on what is marked for operators, over real HTTP.</summary>
public class When_operators_are_told_apart
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Authorization", "Bearer key-of-the-shop", "operator", "operator")]
    [InlineData("Authorization", "bearer  key-of-the-shop", "operator", "operator")]
    [InlineData("X-Api-Key", "key-of-the-shop", "operator", "operator")]
    [InlineData("X-Api-Key", "key:of,ann", "401", "401")]
    [InlineData("X-Api-Key", "key:of:ann", "ann", "ann")]
    [InlineData("X-Api-Key", "older-key-of-ann", "ann", "ann")]
    [InlineData("X-Api-Key", "key-of-rob", "rob", "403")]
    [InlineData("X-Api-Key", "key-of-bob", "bob", "bob")]
    [InlineData("X-Api-Key", "KEY-OF-BOB", "401", "401")]
    [InlineData("X-Api-Key", "key-of-bo", "401", "401")]
    [InlineData("Authorization", "Basic a2V5LW9mLWJvYg==", "401", "401")]
    [InlineData("Accept", "*/*", "401", "401")]
    public async Task Should_know_them_by_their_keys(string header, string value, string look, string act)
    {
        // In Development too: where there are keys, they count.
        await using var shop = await Server.StartAsync("Development",
            ("Ops:ApiKey", "key-of-the-shop"), ("Ops:Actors", "ann:key:of:ann, ann:older-key-of-ann,bob:key-of-bob"), ("Ops:Readers", "rob:key-of-rob"));
        Assert.Equal((look, act), (await shop.AskAsync(HttpMethod.Get, (header, value)), await shop.AskAsync(HttpMethod.Post, (header, value))));
    }

    [Fact]
    public async Task Should_say_what_to_do_and_show_no_key()
    {
        await using var shop = await Server.StartAsync("Production", ("Ops:Readers", "rob:key-of-rob"));
        using var unknown = await shop.SendAsync(HttpMethod.Get, ("X-Api-Key", "key-of-eve"));
        Assert.Equal("Bearer", unknown.Headers.WwwAuthenticate.ToString());
        var said = await unknown.Content.ReadAsStringAsync(Ct);
        Assert.Contains("X-Api-Key", said, StringComparison.Ordinal);
        Assert.DoesNotContain("key-of", said, StringComparison.Ordinal);
        using var reader = await shop.SendAsync(HttpMethod.Post, ("X-Api-Key", "key-of-rob"));
        Assert.Contains("Ops:Actors", (await reader.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Development", "", "", "development")]
    [InlineData("Production", "", "", "403")]
    [InlineData("Staging", "", "", "403")]
    [InlineData("Development", "Test-From", "::ffff:127.0.0.1", "development")]
    [InlineData("Development", "Test-From", "192.0.2.1", "403")]
    [InlineData("Development", "X-Forwarded-For", "127.0.0.1", "403")]
    [InlineData("Development", "X-Forwarded-For", "192.0.2.1", "403")]
    [InlineData("Development", "Forwarded", "for=127.0.0.1", "403")]
    [InlineData("Development", "X-Original-For", "127.0.0.1:1", "403")]
    [InlineData("Development", "Host", "shop.example.org", "403")]
    [InlineData("Development", "Host", "localhost:5080", "development")]
    [InlineData("Development", "Origin", "http://shop.example.org", "403")]
    [InlineData("Development", "Origin", "null", "403")]
    [InlineData("Development", "Sec-Fetch-Site", "cross-site", "403")]
    [InlineData("Development", "Sec-Fetch-Site", "same-site", "403")]
    [InlineData("Development", "Sec-Fetch-Site", "same-origin", "development")]
    [InlineData("Development", "Sec-Fetch-Site", "none", "development")]
    public async Task Should_be_open_without_keys_only_in_Development_and_to_the_machine_itself(string environment, string header, string value, string expected)
    {
        await using var shop = await Server.StartAsync(environment);
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post })
            Assert.Equal(expected, await shop.AskAsync(method, header.Length == 0 ? null : (header, value)));
    }

    [Fact]
    public async Task Should_believe_no_forwarded_address_though_the_framework_is_told_to()
    {
        await using var shop = await Server.StartAsync("Development", ("ForwardedHeaders_Enabled", "true"));
        Assert.Equal("403", await shop.AskAsync(HttpMethod.Get, ("X-Forwarded-For", "127.0.0.1")));
        Assert.Equal("development", await shop.AskAsync(HttpMethod.Get, null));
    }

    private sealed class Server(WebApplication app, HttpClient http) : IAsyncDisposable
    {
        public static async Task<Server> StartAsync(string environment, params (string Key, string Value)[] settings)
        {
            var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment, Args = [.. settings.Select(s => $"--{s.Key}={s.Value}")] });
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton(OperatorKeys.Of(builder.Configuration)).AddProblemDetails();
            var app = builder.Build();
            app.Use((http, next) =>
            {
                if (http.Request.Headers["Test-From"].ToString() is { Length: > 0 } from)
                    http.Connection.RemoteIpAddress = IPAddress.Parse(from);
                return next(http);
            });
            app.MapGet("/it", (HttpContext http) => http.Operator()).ForReaders();
            app.MapPost("/it", (HttpContext http) => http.Operator()).ForOperators();
            await app.StartAsync(Ct);
            return new(app, new HttpClient { BaseAddress = new Uri(app.Urls.Single()) });
        }

        /// <summary>The name that it was let in by, or the status of the refusal.</summary>
        public async Task<string> AskAsync(HttpMethod method, (string Name, string Value)? header)
        {
            using var response = await SendAsync(method, header);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync(Ct) : $"{(int)response.StatusCode}";
        }

        public async Task<HttpResponseMessage> SendAsync(HttpMethod method, (string Name, string Value)? header)
        {
            using var request = new HttpRequestMessage(method, "/it");
            if (header is var (name, value))
                Assert.True(request.Headers.TryAddWithoutValidation(name, value));
            return await http.SendAsync(request, Ct);
        }

        public async ValueTask DisposeAsync()
        {
            http.Dispose();
            await app.DisposeAsync();
        }
    }
}
