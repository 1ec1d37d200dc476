using System.Globalization;
using System.Runtime.CompilerServices;

namespace OrderSaga.Tests;

/// <summary>Tests run as the program does: numbers and dates look the same in every country.</summary>
internal static class Culture
{
    [ModuleInitializer]
    internal static void BeInvariant() => CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
}
