// CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, by sixteen tables: table k holds the effect of a byte that
// is followed by k zero bytes, so that sixteen bytes are folded in by independent look-ups.

/// CRC-32C of bytes that arrive in pieces.
public struct CRC32C: Sendable, Hashable {
    private var state: UInt32 = .max

    /// Of no bytes yet.
    public init() {}

    /// CRC-32C of the bytes so far.
    public var value: UInt32 { ~state }

    /// The value as TFRecord files store it: a checksum of data that holds checksums is weak, so it is rotated and shifted.
    public var masked: UInt32 { (value >> 15 | value << 17) &+ 0xA282_EAD8 }

    /// CRC-32C of all `bytes`.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> CRC32C {
        var crc = CRC32C()
        crc.update(bytes)
        return crc
    }

    /// CRC-32C of all `bytes`.
    public static func of(_ bytes: [UInt8]) -> CRC32C {
        bytes.withUnsafeBytes { of($0) }
    }

    /// Takes more bytes in.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        let table = crcTables
        var crc = state
        var offset = 0
        while offset &+ 16 <= bytes.count {
            let low = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian ^ UInt64(crc)
            let high = base.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self).littleEndian
            crc = fold(low, table + 8 * 256) ^ fold(high, table)
            offset &+= 16
        }
        while offset < bytes.count {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            crc = crc >> 8 ^ table[Int(truncatingIfNeeded: (crc ^ UInt32(byte)) & 0xFF)]
            offset &+= 1
        }
        state = crc
    }
}

/// The effect of eight bytes; `table` is that of the last of them.
@inline(__always)
private func fold(_ word: UInt64, _ table: UnsafePointer<UInt32>) -> UInt32 {
    let a = table[7 * 256 &+ Int(truncatingIfNeeded: word & 0xFF)]
    let b = table[6 * 256 &+ Int(truncatingIfNeeded: word >> 8 & 0xFF)]
    let c = table[5 * 256 &+ Int(truncatingIfNeeded: word >> 16 & 0xFF)]
    let d = table[4 * 256 &+ Int(truncatingIfNeeded: word >> 24 & 0xFF)]
    let e = table[3 * 256 &+ Int(truncatingIfNeeded: word >> 32 & 0xFF)]
    let f = table[2 * 256 &+ Int(truncatingIfNeeded: word >> 40 & 0xFF)]
    let g = table[256 &+ Int(truncatingIfNeeded: word >> 48 & 0xFF)]
    let h = table[Int(truncatingIfNeeded: word >> 56)]
    return (a ^ b) ^ (c ^ d) ^ ((e ^ f) ^ (g ^ h))
}

/// Sixteen tables of 256, made once and never freed.
nonisolated(unsafe) private let crcTables: UnsafePointer<UInt32> = {
    let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 256)
    for byte in 0..<256 {
        var crc = UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        tables[byte] = crc
    }
    for index in 256..<16 * 256 {
        let before = tables[index - 256]
        tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
    }
    return UnsafePointer(tables)
}()
