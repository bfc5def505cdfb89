// Sample rate conversion by the soxr engine of libswresample (20 bit precision: stop band below -120 dB, pass band to
// 91 % of the lower Nyquist frequency). The delay of the filters is taken off: output frame k lies at second k / toHz.

import CFFmpeg

/// Converts one channel from one rate to another, in one call or block by block.
public final class Resampler {
    /// The rate of what goes in, in hertz.
    public let fromHz: Double
    /// The rate of what comes out, in hertz.
    public let toHz: Double

    private var context: OpaquePointer?
    private var takenFrames = 0
    private var givenFrames = 0
    private let inputRate: Int
    private let outputRate: Int

    /// The engine that works; soxr wherever FFmpeg was built with it, as Debian does.
    public enum Engine: String, Sendable {
        /// The SoX resampler library.
        case soxr
        /// FFmpeg's own polyphase filters, long ones, where soxr is missing.
        case swr
    }

    /// The engine of this resampler.
    public let engine: Engine

    /// A resampler between two rates in whole hertz. Throws `AudioError.unusableRate`.
    public init(fromHz: Double, toHz: Double) throws(AudioError) {
        for rate in [fromHz, toHz] {
            guard rate == rate.rounded(), rate >= 1, rate <= 10_000_000 else {
                throw .unusableRate(rateHz: rate, reason: "resampling works between whole hertz from 1 to 10,000,000")
            }
        }
        (self.fromHz, self.toHz, inputRate, outputRate) = (fromHz, toHz, Int(fromHz), Int(toHz))
        var engine = Engine.soxr
        if inputRate != outputRate {
            _ = FFmpegLog.install
            context = Self.context(inputRate, outputRate, .soxr)
            if context == nil {
                engine = .swr
                context = Self.context(inputRate, outputRate, .swr)
            }
            guard context != nil else {
                throw .unusableRate(rateHz: fromHz, reason: "no conversion from it to \(toHz) Hz is available")
            }
        }
        self.engine = engine
    }

    deinit { swr_free(&context) }

    /// Frames that `count` frames become: rounded to the nearest.
    public static func frameCount(_ count: Int, fromHz: Double, toHz: Double) -> Int {
        let (from, to) = (Int(fromHz), Int(toHz))
        let product = count.multipliedFullWidth(by: to)
        return from.dividingFullWidth((product.high, product.low)).quotient
            + (from.dividingFullWidth((product.high, product.low)).remainder * 2 >= from ? 1 : 0)
    }

    /// Takes samples and appends what is ready to `output`.
    public func process(_ samples: UnsafeBufferPointer<Float>, appendingTo output: inout [Float]) throws(AudioError) {
        guard samples.count > 0 else { return }
        guard context != nil else {
            output.append(contentsOf: samples)
            takenFrames += samples.count
            givenFrames += samples.count
            return
        }
        // Counts of FFmpeg are 32-bit, and soxr works in blocks anyway.
        var offset = 0
        while offset < samples.count {
            let count = min(samples.count - offset, 1 << 18)
            takenFrames += count
            try convert(samples.baseAddress! + offset, count, appendingTo: &output)
            offset += count
        }
    }

    /// Takes samples and returns what is ready; the rest comes with later calls.
    public func process(_ samples: [Float]) throws(AudioError) -> [Float] {
        var output: [Float] = []
        var failure: AudioError?
        samples.withUnsafeBufferPointer { buffer in
            do throws(AudioError) { try process(buffer, appendingTo: &output) } catch { failure = error }
        }
        if let failure { throw failure }
        return output
    }

    /// Appends the frames still inside, so that the whole output has `frameCount(taken)` frames. Ends the conversion.
    public func finish(appendingTo output: inout [Float]) throws(AudioError) {
        let expected = Self.frameCount(takenFrames, fromHz: fromHz, toHz: toHz)
        guard context != nil else { return }
        while givenFrames < expected {
            let before = givenFrames
            try convert(nil, 0, appendingTo: &output)
            if givenFrames == before { break }
        }
        if givenFrames < expected { output.append(contentsOf: repeatElement(0, count: expected - givenFrames)) }
        if givenFrames > expected { output.removeLast(min(output.count, givenFrames - expected)) }
        givenFrames = expected
    }

    /// All of `samples` at another rate: `frameCount(samples.count)` frames.
    public static func resample(_ samples: [Float], fromHz: Double, toHz: Double) throws(AudioError) -> [Float] {
        let resampler = try Resampler(fromHz: fromHz, toHz: toHz)
        var output = try resampler.process(samples)
        try resampler.finish(appendingTo: &output)
        return output
    }

    // Null samples flush.
    private func convert(_ samples: UnsafePointer<Float>?, _ count: Int, appendingTo output: inout [Float])
        throws(AudioError)
    {
        // All that can be due: the engine gives frames in bursts.
        let due = takenFrames * outputRate / inputRate + 16 - givenFrames
        let room = min(max(due, 16), Int(Int32.max))
        let start = output.count
        var converted: Int32 = 0
        output.append(contentsOf: repeatElement(0, count: room))
        output.withUnsafeMutableBytes { bytes in
            var target: UnsafeMutablePointer<UInt8>? = bytes.baseAddress!
                .advanced(by: start * MemoryLayout<Float>.stride).assumingMemoryBound(to: UInt8.self)
            if let samples {
                var source: UnsafePointer<UInt8>? = UnsafeRawPointer(samples).assumingMemoryBound(to: UInt8.self)
                converted = swr_convert(context, &target, Int32(room), &source, Int32(count))
            } else {
                converted = swr_convert(context, &target, Int32(room), nil, 0)
            }
        }
        output.removeLast(room - max(0, Int(converted)))
        guard converted >= 0 else {
            throw .unusableRate(
                rateHz: fromHz, reason: "conversion to \(toHz) Hz failed: \(FFmpegLog.reason(converted))")
        }
        givenFrames += Int(converted)
    }

    private static func context(_ from: Int, _ to: Int, _ engine: Engine) -> OpaquePointer? {
        var context: OpaquePointer?
        var output = AVChannelLayout()
        var input = AVChannelLayout()
        av_channel_layout_default(&output, 1)
        av_channel_layout_default(&input, 1)
        guard
            swr_alloc_set_opts2(
                &context, &output, AV_SAMPLE_FMT_FLTP, Int32(to), &input, AV_SAMPLE_FMT_FLTP, Int32(from), 0, nil) >= 0,
            let raw = context
        else { return nil }
        let object = UnsafeMutableRawPointer(raw)
        switch engine {
        case .soxr:
            av_opt_set(object, "resampler", "soxr", 0)
            av_opt_set_double(object, "precision", 20, 0)
        case .swr:
            av_opt_set_int(object, "filter_size", 64, 0)
            av_opt_set_int(object, "phase_shift", 12, 0)
            av_opt_set_int(object, "exact_rational", 1, 0)
            av_opt_set_int(object, "linear_interp", 1, 0)
            av_opt_set_double(object, "cutoff", 0.93, 0)
        }
        guard swr_init(context) >= 0 else {
            swr_free(&context)
            return nil
        }
        return context
    }
}
