// TensorBoard's event files: records in the framing of TFRecord (length, masked CRC-32C of the length, data, masked CRC-32C
// of the data), each one a protocol buffer `Event` (tensorflow/core/util/event.proto). Field numbers are named where used.
import Foundation
import Storage

/// Appends scalars and pictures to a file that TensorBoard shows.
///
/// Not safe for use from several threads at once.
public final class EventFile {
    /// The file.
    public let url: URL
    private let writer: FileWriter

    /// Starts a new file in `folder`.
    ///
    /// - Parameter firstStep: the first step that will be written; TensorBoard then forgets that step and later ones of older
    ///   files in the folder. nil at the start of a run.
    public init(
        in folder: URL, firstStep: Int? = nil, time: Date = Date(), fileSystem: FileSystem = .live
    ) throws(StorageError) {
        // TensorBoard reads the files in the order of their names: the new one must come last, even within the same second.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let newest = names.compactMap { name -> Int? in
            let parts = name.split(separator: ".")
            return parts.count > 3 && name.hasPrefix("events.out.tfevents.") ? Int(parts[3]) : nil
        }.max()
        let seconds = max(Int(time.timeIntervalSince1970), (newest ?? 0) + 1)
        let host = ProcessInfo.processInfo.hostName
        let stamp = String(format: "%010d", seconds)
        url = folder.appending(path: "events.out.tfevents.\(stamp).\(host).\(getpid()).0")
        writer = try FileWriter(creating: url, fileSystem: fileSystem)
        var start = Event(time: time, step: 0)
        start.message.text("brain.Event:2", field: 3)  // file_version
        try append(start)
        if let firstStep {
            var session = ProtocolBuffer()
            session.integer(1, field: 1)  // SessionLog.status = START
            var event = Event(time: time, step: firstStep)
            event.message.message(session, field: 7)  // session_log
            try append(event)
        }
        try writer.flush()
    }

    /// Writes numbers of a step under their names.
    public func write(step: Int, scalars: [String: Double], time: Date = Date()) throws(StorageError) {
        var summary = ProtocolBuffer()
        for (name, value) in scalars.sorted(by: { $0.key < $1.key }) {
            var item = ProtocolBuffer()
            item.text(name, field: 1)  // tag
            item.float(Float(value), field: 2)  // simple_value
            summary.message(item, field: 1)  // value
        }
        try write(summary, step, time)
    }

    /// Writes a picture of a step, given as a PNG file with red, green and blue.
    public func write(
        step: Int, name: String, png: Data, width: Int, height: Int, time: Date = Date()
    ) throws(StorageError) {
        var image = ProtocolBuffer()
        image.integer(height, field: 1)
        image.integer(width, field: 2)
        image.integer(3, field: 3)  // colorspace: RGB
        image.bytes([UInt8](png), field: 4)  // encoded_image_string
        var item = ProtocolBuffer()
        item.text(name, field: 1)
        item.message(image, field: 4)
        var summary = ProtocolBuffer()
        summary.message(item, field: 1)
        try write(summary, step, time)
    }

    /// Hands everything to the operating system.
    public func flush() throws(StorageError) { try writer.flush() }

    private func write(_ summary: ProtocolBuffer, _ step: Int, _ time: Date) throws(StorageError) {
        var event = Event(time: time, step: step)
        event.message.message(summary, field: 5)
        try append(event)
    }

    private struct Event {
        var message = ProtocolBuffer()

        init(time: Date, step: Int) {
            message.double(time.timeIntervalSince1970, field: 1)  // wall_time
            if step != 0 { message.integer(step, field: 2) }
        }
    }

    private func append(_ event: Event) throws(StorageError) {
        let data = event.message.data
        let length = littleEndian(UInt64(data.count))
        try writer.write(
            length + littleEndian(CRC32C.of(length).masked) + data + littleEndian(CRC32C.of(data).masked))
    }
}

/// The few forms of protocol buffer fields that events need.
private struct ProtocolBuffer {
    var data: [UInt8] = []

    mutating func integer(_ value: Int, field: Int) {
        variable(UInt64(field << 3))
        variable(UInt64(bitPattern: Int64(value)))
    }

    mutating func double(_ value: Double, field: Int) {
        variable(UInt64(field << 3 | 1))
        data += littleEndian(value.bitPattern)
    }

    mutating func float(_ value: Float, field: Int) {
        variable(UInt64(field << 3 | 5))
        data += littleEndian(value.bitPattern)
    }

    mutating func bytes(_ value: [UInt8], field: Int) {
        variable(UInt64(field << 3 | 2))
        variable(UInt64(value.count))
        data += value
    }

    mutating func text(_ value: String, field: Int) { bytes(Array(value.utf8), field: field) }

    mutating func message(_ value: ProtocolBuffer, field: Int) { bytes(value.data, field: field) }

    private mutating func variable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}

private func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
