using System.Globalization;

namespace OrderSaga.Web.Pages;

/// <summary>What all pages for customers have in common.</summary>
internal static class ShopFrame
{
    public static Page Page(string title, Html main, int status = 200, string? stamp = null) => new(title, Html.Of($"""
        <header class="shophead"><a class="brand" href="/shop">{Icon.Of("brand")}Corner shop</a><a href="/shop#yours">Your orders</a></header><main id="main" class="counter">{main}</main>
        """)) { Status = status, Stamp = stamp };

    /// <summary>As customers read it: 7.98 €.</summary>
    public static string Money(decimal amount, string currency) => string.Create(CultureInfo.InvariantCulture, $"{amount:#,0.00} {(currency == "EUR" ? "€" : currency)}");
}
