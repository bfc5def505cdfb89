import Foundation
import Testing
import Torch

/// Resident memory of this process in bytes.
private func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0) * 4096
}

@Suite(.serialized) struct OperatorTests {
    @Test func `The loaded libtorch is the one that was compiled against`() throws {
        let status = try Runtime.start()
        #expect(status.version == "2.11.0")
        #expect(Runtime.version == status.version)
    }

    @Test func `A shape error names the operator, the shapes and libtorch's reason`() throws {
        let x = try Tensor.zeros([1, 3])
        let weight = try Tensor.zeros([8, 16])
        do {
            _ = try x.linear(weight)
            Issue.record("a product of [1, 3] and [16, 8] must fail")
        } catch {
            #expect(error.operation == "aten::linear")
            #expect(error.message.contains("cannot be multiplied (1x3 and 16x8)"))
            #expect(error.arguments.prefix(2) == ["float32[1, 3]", "float32[8, 16]"])
        }
    }

    @Test func `Wrong kinds, missing arguments and unknown operators are errors that say so`() throws {
        let x = try Tensor.zeros([2])
        #expect(throws: TorchError.self) { try operate("aten::add.Tensor", .tensor(x)) }
        #expect(throws: TorchError.self) { try operate("aten::add.Tensor", .tensor(x), .string("two")) }
        #expect(throws: TorchError.self) { try operate("aten::softmax.int", .tensor(x), 1.5) }
        #expect(throws: TorchError.self) { try operate("aten::no_such_operator", .tensor(x)) }
        #expect(throws: TorchError.self) { try operate("aten::mul.Scalar", .tensor(x), .ints([1])) }
    }

    @Test func `Integers are taken where real numbers are wanted, and omitted arguments take the schema's defaults`()
        throws
    {
        let x = try Tensor([1, 2, 3] as [Float])
        #expect(try operate("aten::add.Scalar", .tensor(x), 2).array(Float.self) == [3, 4, 5])
        #expect(try operate("aten::leaky_relu", .tensor(-x), 1).array(Float.self) == [-1, -2, -3])
        #expect(try x.sum().item() == 6)
    }

    @Test func `Lists, optional tensors and several results cross the boundary`() throws {
        let x = try Tensor((0..<6).map { Float($0) }, shape: [2, 3])
        #expect(try x.chunked(3, 1).map { try $0.array(Float.self) } == [[0, 3], [1, 4], [2, 5]])
        let row = try Tensor([1] as [Int64])
        #expect(try operate("aten::index.Tensor", .tensor(x), .optionalTensors([row])).array(Float.self) == [3, 4, 5])
        #expect(
            try operate("aten::index.Tensor", .tensor(x), .optionalTensors([nil, row])).array(Float.self) == [1, 4])
        let pair = try operateMany("aten::max.dim", .tensor(x), 1)
        #expect(pair.count == 2)
        #expect(try operateMany("aten::_foreach_norm.Scalar", .tensors([x, x])).count == 2)
    }

    @Test func `Every element type keeps its numbers on the way in and out`() throws {
        #expect(try Tensor([1.5, -2] as [Double]).array(Double.self) == [1.5, -2])
        #expect(try Tensor([7, -8] as [Int64]).array(Int64.self) == [7, -8])
        #expect(try Tensor([7, -8] as [Int32]).array(Int32.self) == [7, -8])
        #expect(try Tensor([200, 3] as [UInt8]).array(UInt8.self) == [200, 3])
        #expect(try Tensor([true, false]).array(Bool.self) == [true, false])
        #expect(try Tensor([1, 3] as [Float]).to(.bfloat16).array(Float.self) == [1, 3])
        #expect(try Tensor([Float](), shape: [0, 4]).shape == [0, 4])
        #expect(throws: TorchError.self) { try Tensor([1, 2, 3] as [Float], shape: [2, 2]) }
    }

    @Test func `Gradients agree with differences of the function`() throws {
        let start: [Double] = [0.3, -1.2, 2.0]
        func value(_ numbers: [Double]) throws -> Double {
            let x = try Tensor(numbers)
            return try (x.gelu() * x.sigmoid() + x.tanh()).sum().item()
        }
        let x = try Tensor(start).requiringGradient()
        try (x.gelu() * x.sigmoid() + x.tanh()).sum().backward()
        let gradient = try #require(try x.gradient).array(Double.self)
        for index in start.indices {
            var (up, down) = (start, start)
            up[index] += 1e-5
            down[index] -= 1e-5
            #expect(try abs((value(up) - value(down)) / 2e-5 - gradient[index]) < 1e-8)
        }
    }

    @Test func `Nothing is recorded without gradients, and the mode comes back after an error`() throws {
        let x = try Tensor.ones([2]).requiringGradient()
        #expect(try withoutGradients { try x * 2 }.requiresGradient == false)
        #expect(throws: TorchError.self) {
            try withoutGradients { () throws(TorchError) in try x.matmul(Tensor.zeros([3, 3])) }
        }
        #expect(try (x * 2).requiresGradient)
    }

    @Test func `The same seed gives the same numbers`() throws {
        try Runtime.seed(5)
        let first = try Tensor.randomNormal([8]).array(Float.self)
        try Runtime.seed(5)
        #expect(try Tensor.randomNormal([8]).array(Float.self) == first)
    }

    @Test func `A hundred thousand operations with gradients, lists and errors leave no memory behind`() throws {
        func round() throws {
            let x = try Tensor.ones([256]).requiringGradient()
            let y = try (x * 2 + x).sum()
            try y.backward()
            _ = try x.gradient
            _ = try Tensor.stacked([x, x], 0).chunked(2, 0)
            _ = try? x.matmul(Tensor.zeros([3, 3]))
        }
        for _ in 0..<500 { try round() }
        // Other tests use memory meanwhile: a leak grows in every stretch, they do not.
        var growths: [Int] = []
        for _ in 0..<10 {
            let before = residentBytes()
            for _ in 0..<1000 { try round() }  // ten operations a round
            growths.append(residentBytes() - before)
        }
        #expect(growths.min()! < 512 << 10, "memory grew in every stretch: \(growths); a tensor a round is 1 MB")
    }

    @Test func `Out of memory is an error that can be caught, told apart from others`() throws {
        do {
            _ = try Tensor.zeros([1 << 44])
            Issue.record("64 TB must not be had")
        } catch {
            #expect(error.code == .outOfMemory)
        }
        #expect(try Tensor.ones([4]).sum().item() == 4)
    }

    @Test func `Products of float32 take the oneDNN path and stay as exact as float32`() throws {
        let a = try Tensor.randomNormal([96, 64])
        let b = try Tensor.randomNormal([128, 64])
        let exact = try a.to(.float64).linear(b.to(.float64))
        let difference = try (a.linear(b).to(.float64) - exact).absolute().maximum([0, 1]).item()
        #expect(difference < 1e-4, "a product rounded to bfloat16 would be off by 0.1")
    }
}
