namespace OrderSaga.Messaging.Tests.Support;

internal static class TestSize
{
    /// <summary>The large sizes, by --long.</summary>
    public static bool Long => Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1";
}
