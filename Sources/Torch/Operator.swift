// The one funnel to every operator of libtorch. Raw pointers leave Swift only here, while the arguments are kept alive.
import CTorch
import Glibc
import Synchronization

/// One argument of an operator.
public enum OperatorArgument {
    case none
    case tensor(Tensor)
    case optional(Tensor?)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case string(String)
    case ints([Int])
    case doubles([Double])
    case bools([Bool])
    case tensors([Tensor])
    case optionalTensors([Tensor?])
    case scalarType(ScalarType)
    case device(Device)
    case emptyList

    /// How it reads in an error.
    var summary: String {
        switch self {
        case .none, .optional(nil): "none"
        case .tensor(let tensor), .optional(.some(let tensor)): tensor.description
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .ints(let values): "\(values)"
        case .doubles(let values): "\(values)"
        case .bools(let values): "\(values)"
        case .tensors(let tensors): "\(tensors.count) tensors \(tensors.prefix(3).map(\.description))"
        case .optionalTensors(let tensors): "\(tensors.count) optional tensors"
        case .scalarType(let type): "\(type)"
        case .device(let device): "\(device)"
        case .emptyList: "[]"
        }
    }
}

extension OperatorArgument: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral
{
    /// An integer.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// A real number.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Nothing, for optional arguments.
    public init(nilLiteral: ()) { self = .none }
}

/// Operators found so far, by the address of their literal name.
private let found = Mutex<[UInt: UInt]>([:])

private func find(_ name: StaticString) throws(TorchError) -> OpaquePointer {
    let key = UInt(bitPattern: name.utf8Start)
    if let known = found.withLock({ $0[key] }), let pointer = OpaquePointer(bitPattern: known) { return pointer }
    let text = name.description
    let parts = text.split(separator: ".", maxSplits: 1)
    var pointer: OpaquePointer?
    try TorchError.check(
        ctorch_operator_find(String(parts[0]), parts.count > 1 ? String(parts[1]) : "", &pointer), text)
    guard let pointer else { throw TorchError(operation: text, message: "is not registered") }
    found.withLock { $0[key] = UInt(bitPattern: pointer) }
    return pointer
}

/// One result of an operator.
enum OperatorResult {
    case none
    case tensor(Tensor)
    case tensors([Tensor])
    case int(Int)
    case double(Double)
    case bool(Bool)
}

private let maximumResultCount = 12

/// Calls an operator by its name and overload, such as `aten::add.Tensor`; omitted trailing arguments take defaults.
func callOperator(_ name: StaticString, _ arguments: [OperatorArgument]) throws(TorchError) -> [OperatorResult] {
    let pointer = try find(name)
    let boxed = BoxedArguments(arguments)
    var results = [ctorch_value](repeating: ctorch_value(), count: maximumResultCount)
    var resultCount = 0
    let error = withExtendedLifetime(arguments) {
        ctorch_operator_call(pointer, boxed.values, arguments.count, &results, results.count, &resultCount)
    }
    try TorchError.check(error, name.description, arguments.map(\.summary))
    return results[..<resultCount].map(unboxed)
}

private func unboxed(_ value: ctorch_value) -> OperatorResult {
    switch value.kind {
    case CTORCH_TENSOR: return .tensor(Tensor(owning: value.tensor))
    case CTORCH_INT: return .int(Int(value.integer))
    case CTORCH_DOUBLE: return .double(value.real)
    case CTORCH_BOOL: return .bool(value.integer != 0)
    case CTORCH_TENSOR_LIST:
        defer { free(UnsafeMutableRawPointer(mutating: value.tensors)) }
        return .tensors((0..<Int(value.count)).map { Tensor(owning: value.tensors[$0]!) })
    default: return .none
    }
}

/// OperatorArgument values with the memory their lists point to, freed together.
private final class BoxedArguments {
    let values: UnsafeMutablePointer<ctorch_value>
    private var lists: [UnsafeMutableRawPointer] = []

    init(_ arguments: [OperatorArgument]) {
        values = .allocate(capacity: max(arguments.count, 1))
        for (index, argument) in arguments.enumerated() { (values + index).initialize(to: box(argument)) }
    }

    deinit {
        values.deallocate()
        for list in lists { list.deallocate() }
    }

    private func box(_ argument: OperatorArgument) -> ctorch_value {
        var value = ctorch_value()
        switch argument {
        case .none, .optional(nil):
            value.kind = CTORCH_NONE
        case .tensor(let tensor), .optional(.some(let tensor)):
            value.kind = CTORCH_TENSOR
            value.tensor = tensor.handle.raw
        case .int(let integer):
            value.kind = CTORCH_INT
            value.integer = Int64(integer)
        case .scalarType(let type):
            value.kind = CTORCH_INT
            value.integer = Int64(type.rawValue)
        case .double(let real):
            value.kind = CTORCH_DOUBLE
            value.real = real
        case .bool(let flag):
            value.kind = CTORCH_BOOL
            value.integer = flag ? 1 : 0
        case .device(let device):
            value.kind = CTORCH_DEVICE
            value.integer = Int64(device.type)
            value.index = device.index
        case .string(let text):
            value.kind = CTORCH_STRING
            value.string = UnsafePointer(store(Array(text.utf8CString)))
        case .ints(let integers):
            value.kind = CTORCH_INT_LIST
            value.count = Int64(integers.count)
            value.integers = UnsafePointer(store(integers.map(Int64.init)))
        case .bools(let flags):
            value.kind = CTORCH_BOOL_LIST
            value.count = Int64(flags.count)
            value.integers = UnsafePointer(store(flags.map { $0 ? Int64(1) : 0 }))
        case .doubles(let reals):
            value.kind = CTORCH_DOUBLE_LIST
            value.count = Int64(reals.count)
            value.reals = UnsafePointer(store(reals))
        case .tensors(let tensors):
            value.kind = CTORCH_TENSOR_LIST
            value.count = Int64(tensors.count)
            value.tensors = UnsafePointer(store(tensors.map { Optional($0.handle.raw) }))
        case .optionalTensors(let tensors):
            value.kind = CTORCH_TENSOR_LIST
            value.count = Int64(tensors.count)
            value.tensors = UnsafePointer(store(tensors.map { $0?.handle.raw }))
        case .emptyList:
            value.kind = CTORCH_EMPTY_LIST
        }
        return value
    }

    private func store<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
        memory.initialize(from: elements, count: elements.count)
        lists.append(UnsafeMutableRawPointer(memory))
        return memory
    }
}

/// Calls an operator whose first result is a tensor, such as `aten::add.Tensor`.
///
/// - Parameters:
///   - name: name and overload as in the dispatcher.
///   - arguments: in the schema's order; omitted trailing ones take its defaults.
public func operate(_ name: StaticString, _ arguments: OperatorArgument...) throws(TorchError) -> Tensor {
    let results = try callOperator(name, arguments)
    guard case .tensor(let tensor)? = results.first else {
        throw TorchError(operation: name.description, message: "did not return a tensor")
    }
    return tensor
}

/// Calls an operator that returns several tensors, or one list of them; absent ones are left out.
public func operateMany(_ name: StaticString, _ arguments: OperatorArgument...) throws(TorchError) -> [Tensor] {
    var tensors: [Tensor] = []
    for result in try callOperator(name, arguments) {
        switch result {
        case .tensor(let tensor): tensors.append(tensor)
        case .tensors(let list): tensors += list
        default: break
        }
    }
    return tensors
}

/// Calls an operator for its effect on its arguments.
public func perform(_ name: StaticString, _ arguments: OperatorArgument...) throws(TorchError) {
    _ = try callOperator(name, arguments)
}

/// Calls an operator for its effect on its arguments, which are given as a list.
public func perform(_ name: StaticString, _ arguments: [OperatorArgument]) throws(TorchError) {
    _ = try callOperator(name, arguments)
}
