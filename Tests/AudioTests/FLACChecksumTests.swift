import Audio
import Testing

@Suite struct FLACChecksumTests {
    private func remainder(_ bytes: [UInt8]) -> UInt16 { bytes.withUnsafeBufferPointer { FLACChecksum.remainder($0) } }

    @Test func `The published check value of this polynomial comes out`() {
        #expect(remainder(Array("123456789".utf8)) == 0xFEE8)
    }

    @Test func `Sixteen bytes a step give what one bit a step gives, at every length`() {
        var state: UInt64 = 1
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
            var plain: UInt16 = 0
            for byte in bytes {
                plain ^= UInt16(byte) << 8
                for _ in 0..<8 { plain = plain & 0x8000 != 0 ? plain << 1 ^ 0x8005 : plain << 1 }
            }
            #expect(remainder(bytes) == plain)
            #expect(remainder(bytes + [UInt8(plain >> 8), UInt8(plain & 0xFF)]) == 0)
        }
    }
}
