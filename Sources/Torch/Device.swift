/// Where a tensor lives.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    /// libtorch's number of the device type: 0 CPU, 1 CUDA, 14 meta.
    let type: Int32
    let index: Int32

    /// The processor.
    public static let cpu = Device(type: 0, index: -1)

    /// Nowhere: tensors have a shape and no numbers. A model built there tells names and sizes of its parameters.
    public static let meta = Device(type: 14, index: -1)

    /// A CUDA device by its number.
    public static func cuda(_ index: Int = 0) -> Device { Device(type: 1, index: Int32(index)) }

    /// Whether it is a CUDA device.
    public var isCUDA: Bool { type == 1 }

    /// `cpu`, `cuda:0`, `meta`
    public var description: String { type == 0 ? "cpu" : type == 1 ? "cuda:\(index)" : "meta" }
}
