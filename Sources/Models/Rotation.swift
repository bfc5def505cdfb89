// Rotary positions (arXiv 2104.09864): attention between two frames sees how far they are apart, however many frames between
// them are masked.
//
// R rows, H heads, N frames, d width of a head
import Foundation
import Torch

/// Turns pairs of channels of queries and keys by angles that grow with the position.
public struct Rotation {
    private let cosine_R1Nh: Tensor
    private let sine_R1Nh: Tensor

    /// For positions [R, N] in float32: channel pair i of a head of `width` channels turns by position · base^(−2i / width).
    public init(positions_RN: Tensor, width: Int, base: Double) throws(TorchError) {
        precondition(width % 2 == 0, "rotary positions need heads of even width, found \(width)")
        let speeds = (0..<width / 2).map { Float(Foundation.pow(base, -2 * Double($0) / Double(width))) }
        let angles = try positions_RN.unsqueezed(2) * Tensor(speeds).to(positions_RN.device)
        cosine_R1Nh = try angles.cos().unsqueezed(1)
        sine_R1Nh = try angles.sin().unsqueezed(1)
    }

    /// Queries or keys [R, H, N, d], turned: channel i and channel i + d/2 are a pair.
    public func callAsFunction(_ x_RHNd: Tensor) throws(TorchError) -> Tensor {
        let type = x_RHNd.scalarType
        let halves = try x_RHNd.chunked(2, -1)
        let (cosine, sine) = (try cosine_R1Nh.to(type), try sine_R1Nh.to(type))
        return try Tensor.concatenated(
            [halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine], -1)
    }
}
