import Storage
import Testing

@Suite struct CRC32CTests {
    @Test(
        "Published check values agree (RFC 3720, appendix B.4)",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func published(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.of(bytes).value == expected)
    }

    @Test func `Every split of every length agrees with the bitwise definition`() {
        let bytes = (0..<70).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        for length in 0...bytes.count {
            let expected = bitwise(Array(bytes[..<length]))
            for cut in stride(from: 0, through: length, by: 3) {
                var crc = CRC32C()
                bytes[..<cut].withUnsafeBytes { crc.update($0) }
                bytes[cut..<length].withUnsafeBytes { crc.update($0) }
                #expect(crc.value == expected)
            }
        }
    }

    @Test func `The masked value is that of TFRecord files`() {
        // From TensorBoard 2.21: the length field of a first record of 24 bytes, and the usual check string.
        #expect(CRC32C.of([0x18, 0, 0, 0, 0, 0, 0, 0]).masked == 0x224B_7FA3)
        #expect(CRC32C.of(Array("123456789".utf8)).masked == 0xC78A_B0E5)
    }

    private func bitwise(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return ~crc
    }
}
