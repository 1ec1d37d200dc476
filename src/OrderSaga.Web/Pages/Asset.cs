using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace OrderSaga.Web.Pages;

/// <summary>A file that goes along with the pages, under a name that changes with its content: browsers keep it for good.</summary>
internal sealed class Asset
{
    public static readonly Asset Style = new("console.css", "text/css; charset=utf-8"), Script = new("console.js", "text/javascript; charset=utf-8"), Icon = new("icon.svg", "image/svg+xml");

    /// <summary>Changes with every file.</summary>
    public static readonly string Version = string.Concat(new[] { Style, Script, Icon }.Select(asset => asset.Path.Split('/')[2][..4]));

    private readonly byte[] content, compressed;
    private readonly string type;

    private Asset(string name, string type)
    {
        using var stream = typeof(Asset).Assembly.GetManifestResourceStream($"OrderSaga.Web.Pages.Assets.{name}")!;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        (content, this.type) = (memory.ToArray(), type);
        using var packed = new MemoryStream();
        using (var brotli = new BrotliStream(packed, CompressionLevel.SmallestSize))
            brotli.Write(content);
        compressed = packed.ToArray();
        Path = $"/assets/{Convert.ToHexStringLower(SHA256.HashData(content), 0, 6)}/{name}";
    }

    public string Path { get; }

    public static void Map(IEndpointRouteBuilder app)
    {
        foreach (var asset in new[] { Style, Script, Icon })
            app.MapGet(asset.Path, asset.Send).ExcludeFromDescription();
    }

    private IResult Send(HttpContext http)
    {
        Headers.Harden(http.Response);
        http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        http.Response.Headers.Vary = "Accept-Encoding";
        if (!http.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal))
            return Results.Bytes(content, type);
        http.Response.Headers.ContentEncoding = "br";
        return Results.Bytes(compressed, type);
    }
}
