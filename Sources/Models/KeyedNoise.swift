// Random numbers for whole pictures, on the device that holds them, as a function of a key and a place: the finaliser of
// MurmurHash3 (Appleby, public domain) over the numbers of the pixels. The same on every device and in every batch.
import Torch

package enum KeyedNoise {
    /// Numbers in (0, 1), one row of `count` per key: [keys, count] in float32.
    package static func uniform(_ keys: [UInt64], count: Int, on device: Device) throws(TorchError) -> Tensor {
        let rows = try Tensor(keys.map { Int64($0 & 0xFFFF_FFFF) }, shape: [keys.count, 1]).to(device)
        // Kept below 2³² by a mask after every product, so that shifts bring in zeros.
        var hash = try mixed(Tensor.arange(count, .int64, on: device).unsqueezed(0), rows)
        let high = try Tensor(keys.map { Int64($0 >> 32) }, shape: [keys.count, 1]).to(device)
        hash = try mixed(hash, high)
        return try ((hash.to(.float64) + 0.5) * (1 / 4_294_967_296)).to(.float32).clamped(min: 1e-9, max: 1 - 1e-7)
    }

    private static func mixed(_ value: Tensor, _ key: Tensor) throws(TorchError) -> Tensor {
        var hash = try xor(masked(value), key)
        hash = try masked(xor(hash, shifted(hash, 16)).scaled(0x85EB_CA6B))
        hash = try masked(xor(hash, shifted(hash, 13)).scaled(0xC2B2_AE35))
        return try xor(hash, shifted(hash, 16))
    }

    private static func masked(_ x: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::bitwise_and.Scalar", .tensor(x), .int(0xFFFF_FFFF))
    }

    private static func shifted(_ x: Tensor, _ bits: Int) throws(TorchError) -> Tensor {
        try operate("aten::bitwise_right_shift.Tensor_Scalar", .tensor(x), .int(bits))
    }

    private static func xor(_ x: Tensor, _ y: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::bitwise_xor.Tensor", .tensor(x), .tensor(y))
    }
}

extension Tensor {
    /// Whole numbers times a whole number, wrapping around.
    fileprivate func scaled(_ factor: Int) throws(TorchError) -> Tensor {
        try operate("aten::mul.Scalar", .tensor(self), .int(factor))
    }
}
