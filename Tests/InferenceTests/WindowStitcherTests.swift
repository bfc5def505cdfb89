import Inference
import Models
import Testing

/// Windows of a recording put together again.
@Suite("Windows") struct WindowStitcherTests {
    private func plan(window: Double, overlap: Double) -> WindowPlan {
        WindowPlan(TinyModel.configuration().frontEnd, windowSeconds: window, overlapSeconds: overlap)
    }

    /// The windows of a recording of that many samples, as a feed would cut them.
    private func windows(_ plan: WindowPlan, samples: Int) -> [WindowPlan.Window] {
        var windows: [WindowPlan.Window] = []
        while true {
            let regular = plan.window(windows.count)
            let end = (regular.firstFrame + regular.frameCount) * plan.samplesPerFrame
            guard samples > end else { return windows + [plan.lastWindow(windows.count, samples: samples)] }
            windows.append(regular)
        }
    }

    @Test(arguments: [0, 1, 7, 20, 50])
    func `Windows that tell the truth give it back to the last bit`(overlap: Int) {
        let plan = plan(window: 0.5, overlap: Double(overlap) / 200)
        #expect(plan.windowFrames == 100 && plan.overlapFrames == overlap)
        for frames in [1, 2, 99, 100, 101, 119, 120, 121, 180, 181, 300, 1234] {
            let signal = (0..<frames * 2).map { Float(($0 * 7919) % 1000) / 999 }
            var stitcher = WindowStitcher(classCount: 2, overlapFrames: plan.overlapFrames)
            var stitched: [Float] = []
            let samples = frames * plan.samplesPerFrame - plan.samplesPerFrame / 3
            for window in windows(plan, samples: samples) {
                let used =
                    (window.firstFrame + window.used.lowerBound) * 2..<(window.firstFrame + window.used.upperBound) * 2
                stitched += stitcher.add(Array(signal[used]), isLast: window.isLast)
            }
            #expect(stitched == signal, "\(frames) frames")
        }
    }

    @Test func `The weights of every frame sum to 1, and go over in a straight line`() {
        // One class says which share the even windows have, the other which share the odd ones have.
        var stitcher = WindowStitcher(classCount: 2, overlapFrames: 4)
        var stitched: [Float] = []
        for number in 0..<5 {
            let window: [Float] = (0..<10).flatMap { _ in number % 2 == 0 ? [1, 0] : [0, 1] as [Float] }
            stitched += stitcher.add(window, isLast: number == 4)
        }
        #expect(stitched.count == 2 * (10 + 4 * 6))
        for frame in 0..<stitched.count / 2 { #expect(stitched[2 * frame] + stitched[2 * frame + 1] == 1) }
        let even = (0..<16).map { stitched[2 * $0] }
        #expect(even == [1, 1, 1, 1, 1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0, 0.125, 0.375, 0.625, 0.875])
    }

    @Test func `The last window ends with the recording, and a short recording is one window`() {
        let plan = plan(window: 0.5, overlap: 0.1)
        for samples in [1, 39, 40, 41, 3999, 4000, 4001, 7200, 7201, 100_000, 99_999] {
            let all = windows(plan, samples: samples)
            let frames = (samples + 39) / 40
            #expect(all.last!.firstFrame + all.last!.used.upperBound == frames)
            #expect(all.dropLast().allSatisfy { !$0.isLast && $0.used == 0..<100 } && all.last!.isLast)
            for (number, window) in all.enumerated() {
                // Used is what lies at the window's regular place, heard is always sound that is there.
                #expect(window.firstFrame + window.used.lowerBound == number * 80)
                #expect(window.firstFrame >= 0 && window.frameCount >= plan.shortestFrames)
                #expect(all.count == 1 || window.frameCount == 100 && window.firstFrame + 100 <= frames)
            }
        }
    }

    @Test func `An overlap is never more than half a window`() {
        #expect(plan(window: 0.5, overlap: 5).overlapFrames == 50)
        #expect(plan(window: 0.5, overlap: 0).hopFrames == 100)
        let tiny = plan(window: 0.001, overlap: 0.2)
        #expect(tiny.windowFrames >= tiny.shortestFrames && tiny.hopFrames > 0)
    }
}
