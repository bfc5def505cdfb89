// The few things evsonganaly needs of MATLAB 5 files, through matio. Sizes are checked before anything is read, because a
// damaged header can claim any size.
import CMatio
import Foundation

/// An open MATLAB 5 file.
struct MatFile: ~Copyable {
    private let handle: OpaquePointer
    let file: String

    /// No label file holds more values in one variable.
    private static let greatestCount = 1 << 24

    init(reading url: URL) throws(LabelError) {
        file = url.path(percentEncoded: false)
        let bytes = try LabelText.load(url)
        // Bytes 124 … 127 hold the version and the byte order mark; other versions go through other, larger libraries.
        guard bytes.count >= 128, bytes.starts(with: Array("MATLAB 5.0".utf8)),
            [[0x00, 0x01, 0x49, 0x4D], [0x01, 0x00, 0x4D, 0x49]].contains(Array(bytes[124..<128]))
        else {
            let isNewer = bytes.starts(with: Array("MATLAB 7.3".utf8))
            throw LabelError(
                file: file, reason: isNewer ? "is a MATLAB 7.3 file" : "is not a MATLAB 5 file",
                remedy: isNewer ? "save it in MATLAB with the option -v7" : "check that the file is whole")
        }
        guard let handle = Mat_Open(file, Int32(MAT_ACC_RDONLY.rawValue)) else {
            throw LabelError(file: file, reason: "is damaged", remedy: "copy the file again from its source")
        }
        self.handle = handle
    }

    private init(_ handle: OpaquePointer, _ file: String) {
        self.handle = handle
        self.file = file
    }

    deinit { Mat_Close(handle) }

    /// The numbers of a variable in the order of memory, whatever type they are stored in; nil if it is not there.
    func numbers(_ name: String) throws(LabelError) -> [Double]? {
        try withVariable(name) { (variable, count) throws(LabelError) in
            guard count > 0 else { return [] }
            guard let data = variable.data, variable.isComplex == 0,
                let values = MatFile.values(data, type: variable.data_type, count: count)
            else {
                throw LabelError(
                    file: file, column: name, reason: "does not hold numbers", remedy: "save the file again")
            }
            return values
        }
    }

    /// The characters of a variable; nil if it is not there.
    func text(_ name: String) throws(LabelError) -> String? {
        try withVariable(name) { (variable, count) throws(LabelError) in
            guard count > 0 else { return "" }
            guard variable.class_type == MAT_C_CHAR, let data = variable.data else {
                throw LabelError(
                    file: file, column: name, reason: "does not hold text", remedy: "save the file again")
            }
            if variable.data_type == MAT_T_UTF8 {
                return String(decoding: UnsafeRawBufferPointer(start: data, count: Int(variable.nbytes)), as: UTF8.self)
            }
            let units = MatFile.values(data, type: variable.data_type, count: count) ?? []
            return String(decoding: units.map { UInt16(max(0, min($0, 65_535))) }, as: UTF16.self)
        }
    }

    private func withVariable<Result>(
        _ name: String, _ body: (matvar_t, Int) throws(LabelError) -> Result
    ) throws(LabelError) -> Result? {
        guard let variable = Mat_VarReadInfo(handle, name) else { return nil }
        defer { Mat_VarFree(variable) }
        var count = 1
        for index in 0..<Int(max(0, min(variable.pointee.rank, 16))) {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(clamping: variable.pointee.dims[index]))
            count = overflow ? Int.max : product
        }
        guard variable.pointee.rank > 0, count <= MatFile.greatestCount else {
            throw LabelError(
                file: file, column: name, value: "\(count) values", reason: "is damaged",
                remedy: "copy the file again from its source")
        }
        guard count == 0 || Mat_VarReadDataAll(handle, variable) == 0 else {
            throw LabelError(
                file: file, column: name, reason: "is damaged", remedy: "copy the file again from its source")
        }
        return try body(variable.pointee, count)
    }

    private static func values(_ data: UnsafeMutableRawPointer, type: matio_types, count: Int) -> [Double]? {
        func read<Value: BinaryInteger>(_: Value.Type) -> [Double] {
            let values = data.assumingMemoryBound(to: Value.self)
            return (0..<count).map { Double(values[$0]) }
        }
        switch type {
        case MAT_T_DOUBLE:
            return Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: Double.self), count: count))
        case MAT_T_SINGLE:
            let values = data.assumingMemoryBound(to: Float.self)
            return (0..<count).map { Double(values[$0]) }
        case MAT_T_INT8: return read(Int8.self)
        case MAT_T_UINT8, MAT_T_UTF8: return read(UInt8.self)
        case MAT_T_INT16: return read(Int16.self)
        case MAT_T_UINT16, MAT_T_UTF16: return read(UInt16.self)
        case MAT_T_INT32: return read(Int32.self)
        case MAT_T_UINT32: return read(UInt32.self)
        case MAT_T_INT64: return read(Int64.self)
        case MAT_T_UINT64: return read(UInt64.self)
        default: return nil
        }
    }
}

extension MatFile {
    /// The content of a variable to write.
    enum Content {
        /// A column of doubles.
        case numbers([Double])
        /// A row of characters, each below 256.
        case text(String)
    }

    /// The bytes of a MATLAB 5 file with these variables.
    static func bytes(_ variables: [(name: String, content: Content)], file: String) throws(LabelError) -> [UInt8] {
        let url = FileManager.default.temporaryDirectory.appending(path: "labels-\(UUID().uuidString).mat")
        defer { try? FileManager.default.removeItem(at: url) }
        let failure = LabelError(
            file: file, reason: "could not be written through \(url.path(percentEncoded: false))",
            remedy: "check that the temporary folder has room")
        try write(variables, to: url, failure: failure)
        guard let data = try? Data(contentsOf: url) else { throw failure }
        return [UInt8](data)
    }

    private static func write(
        _ variables: [(name: String, content: Content)], to url: URL, failure: LabelError
    ) throws(LabelError) {
        let path = url.path(percentEncoded: false)
        guard let handle = Mat_CreateVer(path, "MATLAB 5.0 MAT-file, written by animal2vec", MAT_FT_MAT5) else {
            throw failure
        }
        let mat = MatFile(handle, path)
        for (name, content) in variables {
            let status: Int32
            switch content {
            case .numbers(var values):
                var dimensions = [values.count, values.isEmpty ? 0 : 1]
                status = mat.write(name, MAT_C_DOUBLE, MAT_T_DOUBLE, &dimensions, &values)
            case .text(let text):
                var units = text.unicodeScalars.map { UInt8($0.value & 0xFF) }
                var dimensions = [units.isEmpty ? 0 : 1, units.count]
                status = mat.write(name, MAT_C_CHAR, MAT_T_UINT8, &dimensions, &units)
            }
            guard status == 0 else { throw failure }
        }
    }

    private func write(
        _ name: String, _ classType: matio_classes, _ type: matio_types, _ dimensions: inout [Int],
        _ data: UnsafeMutableRawPointer
    ) -> Int32 {
        var sizes = dimensions.map { Int($0) }
        guard
            let variable = sizes.withUnsafeMutableBufferPointer({ sizes in
                sizes.withMemoryRebound(to: size_t.self) {
                    Mat_VarCreate(name, classType, type, 2, $0.baseAddress, data, 0)
                }
            })
        else { return -1 }
        defer { Mat_VarFree(variable) }
        return Mat_VarWrite(handle, variable, MAT_COMPRESSION_ZLIB)
    }
}
