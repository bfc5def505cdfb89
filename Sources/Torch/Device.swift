/// Where a tensor lives.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    /// libtorch's number of the device type: 0 CPU, 1 CUDA.
    let type: Int32
    let index: Int32

    /// The processor.
    public static let cpu = Device(type: 0, index: -1)

    /// A CUDA device by its number.
    public static func cuda(_ index: Int = 0) -> Device { Device(type: 1, index: Int32(index)) }

    /// Whether it is a CUDA device.
    public var isCUDA: Bool { type == 1 }

    /// `cpu`, `cuda:0`
    public var description: String { type == 0 ? "cpu" : "cuda:\(index)" }
}
