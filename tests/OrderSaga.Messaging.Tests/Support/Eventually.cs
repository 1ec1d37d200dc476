namespace OrderSaga.Messaging.Tests.Support;

/// <summary>For what comes to hold by itself, and tells nobody.</summary>
internal static class Eventually
{
    public static async Task HoldsAsync(Func<Task<bool>> holds, string what, int seconds = 30)
    {
        for (var i = 0; i < seconds * 20; i++)
        {
            if (await holds())
                return;
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"It did not come to hold within {seconds} s: {what}");
    }
}
