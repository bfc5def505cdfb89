// Parameters and other tensors in safetensors files.
import Foundation
import Storage
import Torch

extension ScalarType {
    /// The element type in a safetensors file.
    var stored: ElementType? {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        case .bool: .bool
        case .complex64: nil
        }
    }

    init(_ stored: ElementType) {
        self = ScalarType.allCases.first { $0.stored == stored }!
    }
}

/// What a weights file does not fit.
public struct WeightsError: Error, CustomStringConvertible, Sendable {
    /// One line: file, parameter, remedy.
    public let description: String
}

extension SafetensorsFile {
    /// The tensor of that name, on the CPU.
    public func tensor(_ name: String) throws -> Tensor {
        guard let entry = self[name] else {
            throw WeightsError(description: "\(path): there is no tensor '\(name)'")
        }
        return try withUnsafeBytes(name) { bytes in
            try Tensor(bytes: bytes, type: ScalarType(entry.elementType), shape: entry.shape)
        }
    }
}

/// Named tensors as entries of a safetensors file.
///
/// - Throws: `WeightsError` for an element type that safetensors has not.
public func safetensorsEntries(_ tensors: [(name: String, tensor: Tensor)]) throws -> [SafetensorsWriter.Entry] {
    try tensors.map { name, tensor in
        guard let type = tensor.scalarType.stored else {
            throw WeightsError(description: "'\(name)' is \(tensor.scalarType), which safetensors cannot hold")
        }
        return SafetensorsWriter.Entry(name, type, shape: tensor.shape) { body in
            try tensor.withBytes { try body($0) }
        }
    }
}

/// Writes named tensors to a safetensors file, whole or not at all.
///
/// - Returns: the file's size and checksum.
@discardableResult
public func writeTensors(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to url: URL,
    fileSystem: FileSystem = .live
) throws -> SafetensorsWriter.Summary {
    try SafetensorsWriter.write(safetensorsEntries(tensors), metadata: metadata, to: url, fileSystem: fileSystem)
}

extension ParameterStore {
    /// Names of parameters a file has and this store has not, and the other way round.
    public struct Coverage: Sendable, Equatable {
        /// Whether every parameter was found and nothing was left over.
        public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty }
        /// In the store, not in the file.
        public var missing: [String] = []
        /// In the file, not in the store.
        public var unexpected: [String] = []
    }

    /// Copies the tensors of `file` named `prefix` + parameter into the masters.
    ///
    /// - Parameter rename: the parameter's name for a name in the file; nil leaves the tensor out as unexpected.
    /// - Throws: `WeightsError` for a shape that differs or a number that is not finite.
    @discardableResult
    public func load(
        _ file: SafetensorsFile, prefix: String = "", rename: (String) -> String? = { $0 }
    ) throws -> Coverage {
        var coverage = Coverage()
        var loaded: Set<String> = []
        for stored in file.names where stored.hasPrefix(prefix) {
            guard let name = rename(String(stored.dropFirst(prefix.count))), let parameter = self[name] else {
                coverage.unexpected.append(stored)
                continue
            }
            let tensor = try file.tensor(stored)
            guard tensor.count == parameter.master.count,
                tensor.shape.filter({ $0 != 1 }) == parameter.master.shape.filter({ $0 != 1 })
            else {
                throw WeightsError(
                    description: "\(file.path): '\(stored)' has shape \(tensor.shape) but the model's '\(name)' has "
                        + "\(parameter.master.shape); the file belongs to a model of another size")
            }
            guard try tensor.to(.float32).isFinite().all().array(Bool.self)[0] else {
                throw WeightsError(
                    description: "\(file.path): '\(stored)' holds NaN or infinity; use another checkpoint")
            }
            try withoutGradients { try parameter.master.copy(inPlace: tensor.reshaped(parameter.master.shape)) }
            loaded.insert(name)
        }
        coverage.missing = parameters.map(\.name).filter { !loaded.contains($0) }
        try refreshWorkingCopies()
        return coverage
    }

    /// All masters by name.
    public var masters: [(name: String, tensor: Tensor)] { parameters.map { ($0.name, $0.master) } }
}
