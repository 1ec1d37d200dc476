using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OrderSaga.Messaging;

/// <summary>Ids that are derived instead of drawn: the same cause gives the same id again, on any node, after any crash.</summary>
public static class MessageId
{
    /// <summary>
    /// A name-based id (RFC 9562, version 8 over SHA-256) that begins as its scope does: what belongs to orders of the same time stands
    /// together in an index, however many there are.
    /// </summary>
    public static Guid Derive(Guid scope, string name)
    {
        Span<byte> input = stackalloc byte[16 + Encoding.UTF8.GetMaxByteCount(name.Length)];
        scope.TryWriteBytes(input, bigEndian: true, out _);
        var length = Encoding.UTF8.GetBytes(name, input[16..]);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(input[..(16 + length)], hash);
        input[..6].CopyTo(hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        BinaryPrimitives.WriteUInt16BigEndian(hash[8..], (ushort)((BinaryPrimitives.ReadUInt16BigEndian(hash[8..]) & 0x3FFF) | 0x8000));
        return new Guid(hash[..16], bigEndian: true);
    }
}
