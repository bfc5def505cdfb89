import Testing
import Torch

@Suite struct DistanceWeightsTests {
    @Test(arguments: [ScalarType.float32, .bfloat16, .float16], [1, 15, 16, 700])
    func `Scores become the softmax of their scaled selves less the distance`(type: ScalarType, width: Int) throws {
        let (rows, place) = (33, 5)
        let scores = try (Tensor.randomNormal([rows, width]) * 30).to(type)
        let distances = try (Tensor.arange(rows).unsqueezed(1) + Double(place) - Tensor.arange(width).unsqueezed(0))
            .absolute()
        let exact = try (scores.to(.float64) * 0.125 - distances.to(.float64) * 0.3).softmax(-1)
        try scores.becomeDistanceWeights(firstPlace: place, scale: 0.125, strength: 0.3)
        #expect(scores.scalarType == type)
        let error: Double = try (scores.to(.float64) - exact).absolute().maximum([0, 1]).item()
        #expect(error < (type == .float32 ? 1e-6 : 2e-3))
    }

    @Test func `What is no number stays in its row, and other memory than is expected is refused`() throws {
        let scores = try Tensor([.nan, 1, 2, 3, .infinity, 0, 0, 0] as [Float], shape: [4, 2])
        try scores.becomeDistanceWeights(firstPlace: 0, scale: 1, strength: 0)
        let values = try scores.array(Float.self)
        #expect(values[0].isNaN && values[1].isNaN && values[4].isNaN && values[6] == 0.5)
        #expect(abs(values[2] - 0.26894142) < 1e-7)
        let turned = try Tensor.zeros([2, 3]).transposed(0, 1)
        #expect(throws: TorchError.self) { try turned.becomeDistanceWeights(firstPlace: 0, scale: 1, strength: 0) }
    }

    @Test func `Numbers arrive on the other device as they were sent`() throws {
        let device: Device = Runtime.cudaDeviceCount > 0 ? .cuda() : .cpu
        let numbers = try Tensor.arange(1000)
        let sent = try numbers.sent(to: device)
        #expect(sent.device == device)
        #expect(try sent.to(.cpu).array(Float.self) == numbers.array(Float.self))
    }
}
