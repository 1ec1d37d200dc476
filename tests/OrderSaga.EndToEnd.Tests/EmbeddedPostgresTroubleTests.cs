using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host.Embedded;

namespace OrderSaga.EndToEnd.Tests;

public class When_the_note_of_the_server_is_damaged : PrivatePostgres
{
    [Theory]
    [InlineData("")]
    [InlineData("not a number\n")]
    public async Task Should_start_all_the_same(string note)
    {
        await (await Start()).DisposeAsync();
        await File.WriteAllTextAsync(Postmaster.File(Data), note, Ct);

        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }
}

public class When_the_folder_was_moved : PrivatePostgres
{
    [Fact]
    public async Task Should_have_taken_the_data_along()
    {
        var (before, after) = (Path.Combine(Folder, "before"), Path.Combine(Folder, "after"));
        await using (var first = await Start(before))
            await Store(first, "tea");
        Directory.Move(before, after);

        var second = await Start(after);

        Assert.Equal("tea", await Stored(second));
        Assert.StartsWith(after, second.Area, StringComparison.Ordinal);
    }

    // Where root has no user namespace the data may be elsewhere: the folder only names them.
    [Fact]
    public async Task Should_keep_data_that_are_elsewhere_but_not_share_them_with_a_copy()
    {
        var (before, after, copy) = (Path.Combine(Folder, "before"), Path.Combine(Folder, "after"), Path.Combine(Folder, "copy"));
        await using (var first = await Start(before))
            await Store(first, "tea");
        var elsewhere = Path.Combine(Folder, "elsewhere");
        Directory.Move(Path.Combine(before, "postgres"), elsewhere);
        await File.WriteAllTextAsync(Path.Combine(before, "postgres.location"), elsewhere, Ct);
        await (await Start(before)).DisposeAsync();

        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(before))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start(copy));
        Assert.Contains($"belong to {before}", refused.Message, StringComparison.Ordinal);

        Directory.Move(before, after);
        Assert.Equal("tea", await Stored(await Start(after)));
    }
}

public class When_the_data_are_not_PostgreSQLs : PrivatePostgres
{
    [Theory]
    [InlineData("base", "something")]
    [InlineData("PG_VERSION", "perhaps")]
    public async Task Should_say_so_and_leave_them_alone(string file, string text)
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, file), text, Ct);

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start());

        Assert.Contains("no data of PostgreSQL", refused.Message, StringComparison.Ordinal);
        Assert.Contains("ordersaga reset", refused.Message, StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(Path.Combine(Data, file), Ct));
    }

    [Fact]
    public async Task Should_begin_where_there_is_only_an_empty_folder()
    {
        Directory.CreateDirectory(Data);

        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }
}

public class When_the_port_is_taken : PrivatePostgres
{
    [Fact]
    public async Task Should_take_another()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var taken = ((IPEndPoint)other.LocalEndpoint).Port;
        var tries = 0;

        // Between its choice and its use anybody may take a port.
        var server = await Start(ports: () => tries++ == 0 ? taken : EmbeddedPostgres.FreePort());

        Assert.Equal(1, await Execute(server, "SELECT 1"));
        Assert.NotEqual(taken, server.Port);
        Assert.Equal(2, tries);
    }
}

public class When_the_disk_gives_no_room : PrivatePostgres
{
    [Fact]
    public async Task Should_say_so_when_it_begins_and_begin_when_there_is_room()
    {
        await using var disk = await SmallDisk.MakeAsync(Path.Combine(Folder, "disk"), "20m");
        if (!disk.Mounted)
            return; // only root can make a disk; what an ordinary user gets is the same message of the same program

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start(disk.Path));
        Assert.Contains("disk space", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Make room", refused.Message, StringComparison.Ordinal);

        await disk.GrowAsync("200m");
        await using (var server = await Start(disk.Path))
            await Store(server, "tea");
        var filler = Path.Combine(disk.Path, "filler");
        await disk.FillAsync(filler);
        var full = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start(disk.Path));
        Assert.Contains("room", full.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("in use by another", full.Message, StringComparison.Ordinal);

        File.Delete(filler);
        await using var after = await Start(disk.Path);
        Assert.Equal("tea", await Stored(after));
    }
}

public class When_the_folder_cannot_be_written : PrivatePostgres
{
    [Fact]
    public async Task Should_say_which_and_what_helps()
    {
        var file = Path.Combine(Folder, "file");
        await File.WriteAllTextAsync(file, "", Ct);
        await RefusesAsync(file);

        if (!Root && !OperatingSystem.IsWindows())
            await RefusesAsync(Directory.CreateDirectory(Path.Combine(Folder, "closed"), UnixFileMode.UserRead | UnixFileMode.UserExecute).FullName);
        await using var disk = await SmallDisk.MakeAsync(Path.Combine(Folder, "disk"), "1m,ro");
        if (disk.Mounted)
            await RefusesAsync(disk.Path);
    }

    // Root takes over what belongs to others; it cannot be kept from it.
    [Fact]
    public async Task Should_start_for_root_where_another_account_has_been()
    {
        await using (var first = await Start())
            await Store(first, "tea");
        if (Root)
            await SmallDisk.RunAsync("chown", "-R", "65534:65534", Folder);

        Assert.Equal("tea", await Stored(await Start()));
    }

    private async Task RefusesAsync(string folder)
    {
        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start(folder));
        Assert.Contains(folder, refused.Message, StringComparison.Ordinal);
        Assert.Contains("may write there", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Database:Provider=Postgres", refused.Message, StringComparison.Ordinal);
    }
}

public class When_the_data_are_reset : PrivatePostgres
{
    private string Shop => Path.Combine(Folder, ".ordersaga");

    [Fact]
    public async Task Should_remove_them_and_say_so()
    {
        await using (var first = await Start(Shop))
            await Store(first, "tea");

        var reset = await ResetAsync("--yes");

        Assert.Equal((0, ""), (reset.ExitCode, reset.Error));
        Assert.Contains($"Removed {Shop}", reset.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Shop));
        Assert.Contains("nothing to remove", (await ResetAsync("--yes")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_ask_before_it_does()
    {
        await (await Start(Shop)).DisposeAsync();

        var reset = await ResetAsync();

        Assert.Equal(1, reset.ExitCode);
        Assert.Contains("Type 'yes'", reset.Output, StringComparison.Ordinal);
        Assert.Contains("Nothing was removed", reset.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Shop, "postgres", "data", "PG_VERSION")));
    }

    [Fact]
    public async Task Should_refuse_while_a_host_uses_them()
    {
        var server = await Start(Shop);

        var reset = await ResetAsync("--yes");

        Assert.Equal(1, reset.ExitCode);
        Assert.Contains($"in use by another OrderSaga (process {Environment.ProcessId})", reset.Error, StringComparison.Ordinal);
        Assert.Equal(1, await Execute(server, "SELECT 1"));
    }

    [Fact]
    public async Task Should_end_the_server_that_was_left_behind()
    {
        var orphan = await Orphan(Shop);

        var reset = await ResetAsync("--yes");

        Assert.True(reset.ExitCode == 0, reset.Error);
        Assert.Contains($"process {orphan}", reset.Output, StringComparison.Ordinal);
        Assert.False(Postmaster.IsServer(orphan, Path.Combine(Shop, "postgres", "data")));
        Assert.False(Directory.Exists(Shop));
    }

    [Fact]
    public async Task Should_not_end_a_server_that_does_not_prove_to_be_ours()
    {
        var orphan = await Orphan(Shop);
        await File.WriteAllTextAsync(Path.Combine(Shop, "password"), "guess", Ct);

        var reset = await ResetAsync("--yes");

        Assert.Equal(1, reset.ExitCode);
        Assert.Contains("does not prove", reset.Error, StringComparison.Ordinal);
        Assert.True(Postmaster.IsServer(orphan, Path.Combine(Shop, "postgres", "data")));
    }

    [Fact]
    public async Task Should_leave_what_it_did_not_make()
    {
        await (await Start(Shop)).DisposeAsync();
        await File.WriteAllTextAsync(Path.Combine(Shop, "notes.txt"), "mine", Ct);

        var reset = await ResetAsync("--yes");

        Assert.Contains("notes.txt", reset.Output, StringComparison.Ordinal);
        Assert.Equal(["notes.txt"], Directory.GetFileSystemEntries(Shop).Select(Path.GetFileName));
    }

    private Task<Command> ResetAsync(params string[] arguments) => Command.RunAsync(Folder, ["reset", .. arguments], Ct);
}

/// <summary>A disk of a few megabytes, where this account can make one.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private SmallDisk(string path, bool mounted) => (Path, Mounted) = (path, mounted);

    public string Path { get; }

    public bool Mounted { get; }

    public static async Task<SmallDisk> MakeAsync(string path, string size)
    {
        Directory.CreateDirectory(path);
        return new(path, await RunAsync("mount", "-t", "tmpfs", "-o", $"size={size}", "ordersaga-test", path) == 0);
    }

    public async Task GrowAsync(string size) => Assert.Equal(0, await RunAsync("mount", "-o", $"remount,size={size}", Path));

    public async Task FillAsync(string file)
    {
        await using var filler = File.Create(file);
        var free = new DriveInfo(Path).AvailableFreeSpace;
        try
        {
            for (var block = new byte[4096]; free > -block.Length; free -= block.Length)
                await filler.WriteAsync(block);
            await filler.FlushAsync();
        }
        catch (IOException)
        {
            // That is what was wanted.
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Mounted)
            await RunAsync("umount", "-l", Path);
    }

    public static async Task<int> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return 127;
        }
    }
}
