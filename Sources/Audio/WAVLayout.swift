// Where the samples of a WAV file really are. Recorders that lose power leave a data size of 0, programs that write
// to a pipe leave 0xFFFFFFFF, and some count wrongly: the length then comes from the file.

import CFFmpeg

/// The data part of a WAV file, as the header promises it and as the file holds it.
struct WAVLayout {
    /// The first byte of the samples.
    let dataOffset: Int
    /// Bytes of samples that are really there, a whole number of blocks.
    let dataBytes: Int
    /// Frames that the header promises; nil when it makes no promise or samples have no fixed size.
    let promisedFrames: Int?
    /// What had to be corrected; nil when the header is right.
    let repair: String?
    /// Whether the demuxer has to be told not to believe the size in the header.
    var ignoresHeader: Bool { repair != nil }

    /// The layout of an open file; nil when it is no WAV file with a format and a data chunk.
    init?(descriptor: Int32, fileBytes: Int) {
        guard let riff = RIFFChunks(descriptor: descriptor, fileBytes: fileBytes),
            let format = riff.body("fmt "), format.count >= 16,
            let data = riff.chunks.first(where: { $0.name == "data" })
        else { return nil }
        let blockBytes = max(1, RIFFChunks.littleEndian(format, 12, 2))
        let tag = RIFFChunks.littleEndian(format, 0, 2)
        let available = max(0, fileBytes - data.bodyOffset)
        let declared = data.declaredBytes
        dataOffset = data.bodyOffset

        func lengthFromFile() -> Int {
            (riff.trailingChunksStart(after: data.bodyOffset) ?? fileBytes) - data.bodyOffset
        }
        var bytes = min(declared, available)
        var promise: Int? = declared
        var repair: String?
        if declared == 0 {
            if available > 0, !riff.isChunkList(at: data.bodyOffset) {
                bytes = lengthFromFile()
                promise = nil
                repair = "the header gives a data size of 0; the length was taken from the file"
            }
        } else if declared > available {
            if declared < 0 || declared >= 0x7FFF_0000 && !riff.isRF64 {
                bytes = lengthFromFile()
                promise = nil
                repair = "the header does not know the data size (\(declared)); the length was taken from the file"
            }
        } else {
            let rest = available - declared
            let padded = data.bodyOffset + declared
            if rest >= max(8, blockBytes), !riff.isChunkList(at: padded), !riff.isChunkList(at: padded + declared % 2) {
                bytes = lengthFromFile()
                promise = nil
                repair = "the header gives \(declared) bytes of samples but \(bytes) are there; all were read"
            }
        }
        dataBytes = bytes / blockBytes * blockBytes
        self.repair = dataBytes == 0 ? nil : repair
        // PCM, float, A-law, mu-law and extensible have blocks of one frame.
        promisedFrames = [1, 3, 6, 7, 0xFFFE].contains(tag) ? promise.map { $0 / blockBytes } : nil
    }
}
