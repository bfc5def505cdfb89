// Whatever sample format and layout a decoder gives, as planar 32-bit floats in the channels and at the rate that the
// header announced, without a copy where it already is.

import CFFmpeg

/// Converts decoded frames; keeps its buffers between them.
final class FloatConversion {
    /// Room for the pointers of a run of silence.
    let silentPlanes: UnsafeMutablePointer<UnsafeMutablePointer<Float>> = .allocate(capacity: 64)
    private var resampler: OpaquePointer?
    private var format: Int32 = -1
    private var channelCount: Int32 = 0
    private var rateHz: Int32 = 0
    private var buffer: UnsafeMutablePointer<Float>?
    private var capacity = 0

    deinit {
        swr_free(&resampler)
        buffer?.deallocate()
        silentPlanes.deallocate()
    }

    /// Points `planes` at the samples of `frame`; false when they cannot be converted. Non-finite samples become 0.
    func convert(
        _ frame: UnsafeMutablePointer<AVFrame>, media: OpenedMedia,
        into planes: UnsafeMutablePointer<UnsafeMutablePointer<Float>>, nonFinite: inout Int
    ) -> Bool {
        let length = Int(frame.pointee.nb_samples)
        let channels = media.channelCount
        let isPlain =
            Int(frame.pointee.ch_layout.nb_channels) == channels
            && Int(frame.pointee.sample_rate) == media.rateHz
        let isPlanar =
            frame.pointee.format == AV_SAMPLE_FMT_FLTP.rawValue
            || frame.pointee.format == AV_SAMPLE_FMT_FLT.rawValue && channels == 1
        if isPlain, isPlanar {
            for channel in 0..<channels {
                planes[channel] = UnsafeMutableRawPointer(frame.pointee.extended_data[channel]!)
                    .assumingMemoryBound(to: Float.self)
            }
            if media.isInteger || Self.isFinite(planes, channels, length) { return true }
            guard av_frame_make_writable(frame) >= 0 else { return false }
            for channel in 0..<channels {
                planes[channel] = UnsafeMutableRawPointer(frame.pointee.extended_data[channel]!)
                    .assumingMemoryBound(to: Float.self)
            }
        } else {
            guard prepare(for: frame, media: media) else { return false }
            if length > capacity {
                buffer?.deallocate()
                capacity = (length + 1_023) / 1_024 * 1_024
                buffer = .allocate(capacity: capacity * channels)
            }
            for channel in 0..<channels { planes[channel] = buffer! + channel * capacity }
            let converted = planes.withMemoryRebound(to: UnsafeMutablePointer<UInt8>?.self, capacity: channels) {
                output in
                UnsafeMutableRawPointer(frame.pointee.extended_data!)
                    .withMemoryRebound(to: UnsafePointer<UInt8>?.self, capacity: channels) { input in
                        swr_convert(resampler, output, Int32(length), input, Int32(length))
                    }
            }
            guard converted >= 0 else { return false }
            for channel in 0..<channels where Int(converted) < length {
                (planes[channel] + Int(converted)).update(repeating: 0, count: length - Int(converted))
            }
            if media.isInteger || Self.isFinite(planes, channels, length) { return true }
        }
        for channel in 0..<channels {
            for index in 0..<length where !planes[channel][index].isFinite {
                planes[channel][index] = 0
                nonFinite += 1
            }
        }
        return true
    }

    private func prepare(for frame: UnsafeMutablePointer<AVFrame>, media: OpenedMedia) -> Bool {
        let channels = frame.pointee.ch_layout.nb_channels
        if resampler != nil, format == frame.pointee.format, channelCount == channels,
            rateHz == frame.pointee.sample_rate
        {
            return true
        }
        swr_free(&resampler)
        guard channels >= 1, channels <= 64, frame.pointee.sample_rate > 0 else { return false }
        // Layouts by count only: the names of the loudspeakers mean nothing here, and nothing may be mixed by them.
        var input = AVChannelLayout()
        var output = AVChannelLayout()
        input.order = AV_CHANNEL_ORDER_UNSPEC
        input.nb_channels = channels
        output.order = AV_CHANNEL_ORDER_UNSPEC
        output.nb_channels = Int32(media.channelCount)
        if channels != output.nb_channels {
            av_channel_layout_default(&input, channels)
            av_channel_layout_default(&output, output.nb_channels)
        }
        let code = swr_alloc_set_opts2(
            &resampler, &output, AV_SAMPLE_FMT_FLTP, Int32(media.rateHz), &input,
            AVSampleFormat(rawValue: frame.pointee.format), frame.pointee.sample_rate, 0, nil)
        guard code >= 0, swr_init(resampler) >= 0 else {
            swr_free(&resampler)
            return false
        }
        (format, channelCount, rateHz) = (frame.pointee.format, channels, frame.pointee.sample_rate)
        return true
    }

    private static func isFinite(
        _ planes: UnsafeMutablePointer<UnsafeMutablePointer<Float>>, _ channels: Int, _ length: Int
    ) -> Bool {
        var largest: UInt32 = 0
        for channel in 0..<channels {
            planes[channel].withMemoryRebound(to: UInt32.self, capacity: length) { bits in
                for index in 0..<length { largest = max(largest, bits[index] & 0x7FFF_FFFF) }
            }
        }
        return largest < 0x7F80_0000
    }
}
