/// Builds pickles step by step, sound ones and others.
public struct PickleBuilder {
    /// A tensor as a pickle describes it.
    public struct Tensor {
        /// Its name in the dictionary.
        public var name: String
        /// The name of its storage.
        public var key: String
        /// The class of its storage.
        public var type = "FloatStorage"
        /// Elements of its storage.
        public var count: Int
        /// Its first element.
        public var offset = 0
        /// Its shape.
        public var shape: [Int]
        /// Its strides.
        public var strides: [Int]

        /// A tensor of one dimension with a storage of its own.
        public init(_ name: String, key: String, count: Int) {
            (self.name, self.key, self.count, shape, strides) = (name, key, count, [count], [1])
        }
    }

    /// The steps so far.
    public var bytes: [UInt8] = [0x80, 2]

    /// Begins with the version of the protocol.
    public init() {}

    /// A step without arguments.
    public mutating func step(_ code: Character) { bytes.append(code.asciiValue!) }

    /// A class or function.
    public mutating func global(_ module: String, _ name: String) { bytes += Array("c\(module)\n\(name)\n".utf8) }

    /// A text.
    public mutating func text(_ text: String) {
        step("X")
        bytes += ZipBuilder.little(text.utf8.count, 4) + Array(text.utf8)
    }

    /// An integer of up to 64 bits.
    public mutating func integer(_ value: Int) { bytes += [0x8A, 8] + ZipBuilder.little(value, 8) }

    /// A tuple of integers.
    public mutating func integers(_ values: [Int]) {
        step("(")
        for value in values { integer(value) }
        step("t")
    }

    /// A tensor.
    public mutating func tensor(_ tensor: Tensor) {
        global("torch._utils", "_rebuild_tensor_v2")
        step("(")
        step("(")
        text("storage")
        global("torch", tensor.type)
        text(tensor.key)
        text("cpu")
        integer(tensor.count)
        step("t")
        step("Q")
        integer(tensor.offset)
        integers(tensor.shape)
        integers(tensor.strides)
        bytes.append(0x89)
        global("collections", "OrderedDict")
        step(")")
        step("R")
        step("t")
        step("R")
    }

    /// The pickle of a dictionary of tensors.
    public static func dictionary(_ tensors: [Tensor]) -> [UInt8] {
        var pickle = PickleBuilder()
        pickle.step("}")
        pickle.step("(")
        for tensor in tensors {
            pickle.text(tensor.name)
            pickle.tensor(tensor)
        }
        pickle.step("u")
        pickle.step(".")
        return pickle.bytes
    }

    /// A file in the layout before PyTorch 1.6: magic number, version, facts, object, storages.
    public static func legacyFile(
        _ object: [UInt8], storages: [(key: String, count: Int, content: [UInt8])], isLittleEndian: Bool = true
    ) -> [UInt8] {
        var file: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        file += [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E]
        var facts = PickleBuilder()
        facts.step("}")
        facts.text("little_endian")
        facts.bytes.append(isLittleEndian ? 0x88 : 0x89)
        facts.step("s")
        facts.step(".")
        file += facts.bytes + object
        var keys = PickleBuilder()
        keys.step("]")
        keys.step("(")
        for storage in storages { keys.text(storage.key) }
        keys.step("e")
        keys.step(".")
        file += keys.bytes
        for storage in storages { file += ZipBuilder.little(storage.count, 8) + storage.content }
        return file
    }
}
