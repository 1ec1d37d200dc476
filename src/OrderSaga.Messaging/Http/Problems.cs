using Microsoft.AspNetCore.Http;

namespace OrderSaga.Messaging.Http;

/// <summary>Answers that say what is wrong (RFC 9457), the same way everywhere.</summary>
public static class Problems
{
    public static IResult Of(int status, string type, string title, string detail) => Results.Problem(statusCode: status, type: type, title: title, detail: detail);

    /// <summary>Some fields of what was sent are wrong.</summary>
    /// <param name="what">What was sent, such as order.</param>
    /// <param name="wrong">What is wrong with each field.</param>
    public static IResult Invalid(string what, IReadOnlyDictionary<string, string[]> wrong) => Results.ValidationProblem(
        wrong.ToDictionary(), type: $"{what}-invalid", title: $"The {what} is not valid.", detail: "Nothing was stored. Mend the fields named in 'errors'.");
}
