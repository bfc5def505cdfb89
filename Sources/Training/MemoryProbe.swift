// How many windows pass through a network at a time, found by letting some pass.
import Corpus
import Foundation
import Neural
import Torch

/// Finds the largest number of windows that the memory takes.
package struct MemoryProbe {
    /// Where the network computes.
    package let device: Device

    /// A probe of a device.
    package init(device: Device) { self.device = device }

    /// The batch with its number of windows found: a divisor of the windows per update.
    ///
    /// On a CPU, where a lack of memory ends the program or stops the computer, the peaks of few windows are measured and
    /// extended in a straight line; on a GPU more and more are tried until one is too many.
    package func batch(
        _ batch: Recipe.Batch, seconds: Double, rateHz: Double, _ objective: any TrainingObjective
    ) throws -> Recipe.Batch {
        let total = batch.windowsPerUpdate ?? batch.clipsPerUpdate
        let divisors = (1...total).filter { total.isMultiple(of: $0) }
        let windows = FakeWindows(frames: Int((seconds * rateHz).rounded()), rateHz: rateHz)
        // The optimizer's two moments do not exist yet.
        let moments = try Tensor.full([2 * objective.learning.count], 0, on: device)
        defer { _ = moments.count }
        let (clips, reason) =
            device.isCUDA
            ? try largestThatRuns(divisors, objective, windows)
            : try largestThatFits(divisors, objective, windows, share: batch.memoryShare)
        let found = batch.regrouped(clips: clips)
        report("\(clips) windows at a time, \(found.accumulation) times per update: \(reason)")
        return found
    }

    // MARK: CPU

    private func largestThatFits(
        _ divisors: [Int], _ objective: any TrainingObjective, _ windows: FakeWindows, share: Double
    ) throws -> (Int, String) {
        // The first pass also takes what later ones find in place.
        try pass(1, objective, windows)
        let free = Double(try SystemMemory.availableBytes())
        let one = try peak(1, objective, windows)
        guard divisors.count > 1 else { return (1, "\(gigabytes(one)) GB") }
        let second = min(3, divisors.last!)
        let more = try peak(second, objective, windows)
        let perWindow = max((more - one) / Double(second - 1), 1)
        let fixed = one - perWindow
        let clips = divisors.last { fixed + perWindow * Double($0) <= free * share } ?? 1
        let needed = fixed + perWindow * Double(clips)
        return (clips, "\(gigabytes(needed)) of \(gigabytes(free)) GB that are free")
    }

    /// Bytes that a pass of so many windows takes at its peak.
    private func peak(_ clips: Int, _ objective: any TrainingObjective, _ windows: FakeWindows) throws -> Double {
        Runtime.releaseFreedMemory()
        let before = try SystemMemory.residentBytes()
        try SystemMemory.forgetPeak()
        try pass(clips, objective, windows)
        return Double(max(0, try SystemMemory.peakBytes() - before))
    }

    // MARK: GPU

    private func largestThatRuns(
        _ divisors: [Int], _ objective: any TrainingObjective, _ windows: FakeWindows
    ) throws -> (Int, String) {
        var found = 0
        for clips in divisors {
            // An eighth more, because masks and memory's fragments differ from update to update.
            guard try runs(clips + (clips + 7) / 8, objective, windows) else { break }
            found = clips
        }
        guard found > 0 else {
            throw RunError(
                description: "batch.clips: the device has too little memory for one window at a time; take a smaller "
                    + "model, data.windowSeconds, batch.recomputesLayers=true or precision.compute=bf16")
        }
        return (found, found == divisors.last ? "all of an update" : "more do not fit on \(device)")
    }

    private func runs(_ clips: Int, _ objective: any TrainingObjective, _ windows: FakeWindows) throws -> Bool {
        do {
            try pass(clips, objective, windows)
            return true
        } catch let error as TorchError where error.code == .outOfMemory {
            return false
        }
    }

    private func pass(_ clips: Int, _ objective: any TrainingObjective, _ windows: FakeWindows) throws {
        defer { try? objective.learning.clearGradients() }
        try objective.learning.clearGradients()
        try objective.forward(windows.batch(clips), update: 0).loss.backward()
        _ = try objective.learning.gradientNorm()
    }

    private func gigabytes(_ bytes: Double) -> String { (bytes / 1e9).formatted(.number.precision(.fractionLength(1))) }

    private func report(_ text: String) {
        FileHandle.standardError.write(Data("batch.clips: \(text)\n".utf8))
    }
}

/// Windows of quiet noise without events.
private struct FakeWindows {
    let frames: Int
    let rateHz: Double

    func batch(_ count: Int) -> Batch {
        var samples = [Float](repeating: 0, count: count * frames)
        for index in samples.indices { samples[index] = Float((index &* 7919) % 1000) / 1000 - 0.5 }
        let seconds = Double(frames) / rateHz
        return Batch(
            samples_BS: samples, count: count, windowFrames: frames, rateHz: rateHz,
            windows: [], positions: Array(0..<count), validFrames: Array(repeating: frames, count: count),
            events: Array(repeating: [], count: count), known: Array(repeating: [0..<seconds], count: count),
            replacements: [])
    }
}
