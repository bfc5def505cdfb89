// What a pickle describes, as plain data: numbers, texts and nodes that refer to each other by their number. Objects of a
// class are a name with what was given to it; nothing is ever called. References are numbers, so that the circles which
// pickles may contain cost nothing, and letting go of a graph needs no recursion however deep it is.
import Storage

/// A value in a pickle.
enum PickleValue: Sendable, Hashable {
    case none
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    /// UTF-8 text that lies in this span of the pickle.
    case text(Int)
    /// Bytes that lie in this span of the pickle.
    case bytes(Int)
    /// An integer of more than 64 bits, in this span of the pickle, lowest byte first.
    case longInteger(Int)
    case node(Int)
}

/// A place in the pickle; large texts and arrays stay there.
struct PickleSpan: Sendable {
    let start: Int
    let count: Int
}

/// A value that holds others.
struct PickleNode: Sendable {
    enum Kind: UInt8, Sendable {
        case list, tuple, dictionary, set, object
        /// A class or function, by its name.
        case global
        case storage, tensor
    }

    let kind: Kind
    /// Of a global or object, its name in `names`; of a storage or tensor, its number.
    var number = 0
    /// Elements; keys and values of a dictionary take turns.
    var items: [PickleValue] = []
    /// Keys and values that were set on an object, taking turns.
    var entries: [PickleValue] = []
    /// What an object was made from.
    var arguments = PickleValue.none
    /// What was put into an object afterwards.
    var state = PickleValue.none
}

/// Where the bytes of a pickle are.
enum PickleBytes: Sendable {
    case mapped(MappedFile, Range<Int>)
    case inflated([UInt8])

    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self {
        case .mapped(let file, let range):
            return try file.withUnsafeBytes { (bytes) throws(Failure) in
                try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
        case .inflated(let array):
            var result: Swift.Result<Result, Failure>?
            array.withUnsafeBytes { bytes in
                do throws(Failure) { result = .success(try body(bytes)) } catch { result = .failure(error) }
            }
            return try result!.get()
        }
    }
}

/// Everything that one or several pickles describe.
final class PickleGraph: Sendable {
    let bytes: PickleBytes
    let nodes: [PickleNode]
    let spans: [PickleSpan]
    let names: [String]
    let storages: [PickledStorage]
    let tensors: [PyTorchTensor]

    init(_ bytes: PickleBytes, _ reader: PickleReader) {
        self.bytes = bytes
        (nodes, spans, names) = (reader.nodes, reader.spans, reader.names)
        (storages, tensors) = (reader.storages, reader.tensors)
    }

    /// Longer texts are no names and no settings.
    static let longestText = 1 << 20

    func text(_ span: Int) -> String? {
        let place = spans[span]
        guard place.count <= Self.longestText else { return nil }
        return bytes.withUnsafeBytes {
            String(validating: $0[place.start..<place.start + place.count], as: UTF8.self)
        }
    }

    /// The bytes of a short span.
    func shortBytes(_ span: Int) -> [UInt8]? {
        let place = spans[span]
        guard place.count <= 64 else { return nil }
        return bytes.withUnsafeBytes { Array($0[place.start..<place.start + place.count]) }
    }
}
