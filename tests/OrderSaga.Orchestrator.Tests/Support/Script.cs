using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;
using MassTransit;
using OrderSaga.Messaging;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>Participants that agree to everything but what a test says, and remember what they were asked.</summary>
internal sealed class Script
{
    private readonly ConcurrentQueue<string> asked = [];
    private readonly ConcurrentDictionary<string, string> refusals = [];
    private readonly ConcurrentDictionary<string, bool> silent = [];
    private readonly ConcurrentDictionary<string, bool> broken = [];

    public void Refuses(string step, string reason) => refusals[step] = reason;

    /// <summary>Does not answer, until it <see cref="Wakes"/>.</summary>
    public void IsSilent(string command) => silent[command] = true;

    public void Wakes(string command) => silent.TryRemove(command, out _);

    /// <summary>Throws.</summary>
    public void IsBroken(string command) => broken[command] = true;

    /// <summary>Waits until a command was asked for the nth time.</summary>
    public Task IsAsked(string command, int times = 1) => Until(() => asked.Count(a => a == command) >= times);

    public static async Task Until(Func<bool> holds, [CallerArgumentExpression(nameof(holds))] string what = "")
    {
        for (var i = 0; !holds(); i++)
        {
            Assert.True(i < 2000, $"It did not come to hold: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The commands that were asked, in their order.</summary>
    public void Asked(string commands) => Assert.Equal(commands, string.Join(' ', asked));

    public void ListenOn(IBusFactoryConfigurator bus) => bus.ReceiveEndpoint("participants", endpoint =>
    {
        endpoint.ConcurrentMessageLimit = 1;
        foreach (var command in Participants.Agree.Keys)
            GetType().GetMethod(nameof(Listen), BindingFlags.NonPublic | BindingFlags.Instance)!.MakeGenericMethod(command).Invoke(this, [endpoint]);
    });

    private void Listen<T>(IReceiveEndpointConfigurator endpoint)
        where T : class
        => endpoint.Handler<T>(context =>
        {
            var name = typeof(T).Name;
            asked.Enqueue(name);
            if (broken.ContainsKey(name))
                throw new ArgumentException($"{name} is broken.");
            if (silent.ContainsKey(name))
                return Task.CompletedTask;
            var id = SagaMessage<T>.SagaId(context.Message);
            var answer = refusals.TryGetValue(name, out var reason) ? Participants.Refuse[name](id, reason) : Participants.Agree[typeof(T)](id);
            return context.Publish(answer, answer.GetType());
        });
}
