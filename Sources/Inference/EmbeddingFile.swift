import Foundation
import Labels
import Models
import Storage

/// The saved vectors of one recording.
enum EmbeddingFile {
    static let folderName = "embeddings"

    /// Writes the vectors of all channels, one channel after the other; those of events in the order of the tables.
    ///
    /// Times are `start_seconds` and `end_seconds`, for frames `centre_seconds` (`time` in HDF5).
    static func write(
        _ channels: [MappedFile], _ pools: [EmbeddingPool], _ events: [Event], _ unit: EmbeddingUnit, to url: URL,
        recording: String, _ description: ModelDescription, format: EmbeddingFormat
    ) throws {
        let width = description.encoder.width
        let rowBytes = width * MemoryLayout<Float>.size
        var metadata = try ProbabilityFile.metadata(recording, description)
        metadata["unit"] = unit.name
        var times: [(name: String, values: [Double])] = []
        var places: [(channel: Int, row: Int)] = []
        switch unit {
        case .frame:
            let grid = description.grid(frames: 0)
            for (channel, pool) in pools.enumerated() { places += (0..<pool.frameCount).map { (channel, $0) } }
            times = [("centre_seconds", places.map { grid.centreSeconds($0.row) })]
        case .window:
            for (channel, pool) in pools.enumerated() { places += pool.spans.indices.map { (channel, $0) } }
            times = spans(places.map { pools[$0.channel].spans[$0.row] })
        case .event:
            struct Key: Hashable { var channel: Int, span: EmbeddingPool.Span }
            var rows: [Key: Int] = [:]
            for (channel, pool) in pools.enumerated() {
                for (row, span) in pool.spans.enumerated() { rows[Key(channel: channel, span: span)] = row }
            }
            let keys = events.map {
                Key(
                    channel: pools.count > 1 ? $0.channel ?? 0 : 0,
                    span: .init(startSeconds: $0.startSeconds, endSeconds: $0.endSeconds))
            }
            places = try keys.map { key in
                guard let row = rows[key] else {
                    throw PredictionError(
                        file: recording, problem: "an event has no vector",
                        remedy: "report this as a fault of the program")
                }
                return (key.channel, row)
            }
            times = spans(keys.map(\.span))
            metadata["labels"] = String(decoding: try JSONEncoder().encode(events.map(\.label)), as: UTF8.self)
        }
        let rows = places
        func forEachPiece(_ take: (UnsafeRawBufferPointer) throws -> Void) throws {
            if case .event = unit {
                for place in rows {
                    let range = place.row * rowBytes..<(place.row + 1) * rowBytes
                    try channels[place.channel].withUnsafeBytes { bytes in
                        try take(UnsafeRawBufferPointer(rebasing: bytes[range]))
                    }
                }
            } else {
                for channel in channels { try channel.withUnsafeBytes { try take($0) } }
            }
        }
        let channelNumbers = places.map { Int64($0.channel) }
        switch format {
        case .safetensors:
            let vectors = SafetensorsWriter.Entry(
                "embeddings", .float32, shape: [places.count, width], provide: forEachPiece)
            let entries = times.map { SafetensorsWriter.Entry($0.name, $0.values, shape: [places.count]) }
            try SafetensorsWriter.write(
                [vectors, .init("channel", channelNumbers, shape: [places.count])] + entries, metadata: metadata,
                to: url)
        case .hdf5:
            try AtomicFile.create(at: url) { file in
                let writer = try HDF5Writer(creating: file)
                try writer.add("embedding", rows: places.count, width: width, pieces: forEachPiece)
                for time in times { try writer.add(time.name == "centre_seconds" ? "time" : time.name, time.values) }
                try writer.add("channel", channelNumbers)
                try writer.add("filename", [recording])
                if case .event = unit { try writer.add("label", events.map(\.label)) }
                try writer.close()
            }
        }
    }

    private static func spans(_ spans: [EmbeddingPool.Span]) -> [(name: String, values: [Double])] {
        [("start_seconds", spans.map(\.startSeconds)), ("end_seconds", spans.map(\.endSeconds))]
    }
}
