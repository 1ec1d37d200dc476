using Microsoft.AspNetCore.Http;

namespace OrderSaga.Web.Pages;

/// <summary>What a form of ours brings.</summary>
internal static class Forms
{
    /// <summary>It was none of ours, or the page had stood there for too long.</summary>
    public static Page Refused { get; } = SignPages.Problem(400, "Nothing was done", "This did not come from a page of this console, or the page had been open since before a restart of your browser. Load the page anew and do it again.");

    /// <summary>The fields; none if it does not come from a page of ours.</summary>
    public static async Task<IFormCollection?> ReadAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
            return null;
        var form = await http.Request.ReadFormAsync(http.RequestAborted).ConfigureAwait(false);
        return FormGuard.Knows(http, form[FormGuard.Field]) ? form : null;
    }

    /// <summary>A text of a field; none if nothing was written.</summary>
    public static string? Text(this IFormCollection form, string field) => form[field].ToString().Trim() is { Length: > 0 } text ? text : null;
}
