// HDF5 files are written by the library itself, so that every other program reads them. It is not safe for several threads:
// one lock for the whole process.
import CHDF5
import Foundation
import Synchronization

/// Builds an HDF5 file, in memory or on the disk: data sets by path, `group/name` makes the group. The same content gives the
/// same bytes.
public final class HDF5Writer {
    private static let library = NSLock()
    private static let counter = Atomic<Int>(0)

    private let path: String
    private var file: hid_t = -1
    private var links: hid_t = -1

    /// Begins a file in memory. `path` is for messages.
    public convenience init(path: String) throws(StorageError) {
        // The library takes two files in memory of one name for one file.
        try self.init(path: path, name: "memory \(Self.counter.add(1, ordering: .relaxed).newValue)") { access in
            // In steps of a megabyte, never on the disk.
            H5Pset_fapl_core(access, 1 << 20, false)
        }
    }

    /// Begins a file on the disk, which replaces any that is there; it is whole after `close`.
    public convenience init(creating url: URL) throws(StorageError) {
        // Nobody else knows of the file yet, and not every file system has locks.
        try self.init(path: url.path, name: url.path) { access in H5Pset_file_locking(access, false, true) }
    }

    private init(path: String, name: String, _ prepare: (hid_t) -> herr_t) throws(StorageError) {
        self.path = path
        try locked { writer throws(StorageError) in
            H5open()
            a2v_hdf5_silence()
            let access = try writer.check(H5Pcreate(a2v_hdf5_file_access()), "begin")
            defer { H5Pclose(access) }
            guard prepare(access) >= 0 else { throw writer.failed("begin") }
            writer.links = try writer.check(H5Pcreate(a2v_hdf5_link_create()), "begin")
            H5Pset_create_intermediate_group(writer.links, 1)
            let file = H5Fcreate(name, a2v_hdf5_truncate(), 0, access)
            guard file >= 0 else {
                throw StorageError(.invalid, path: path, "the HDF5 library cannot create the file; check its folder")
            }
            writer.file = file
        }
    }

    deinit {
        Self.library.withLock {
            if links >= 0 { H5Pclose(links) }
            if file >= 0 { H5Fclose(file) }
        }
    }

    /// Adds 64-bit floating-point numbers, shape [n].
    public func add(_ name: String, _ values: [Double]) throws(StorageError) {
        try add(name, shape: [values.count], type: a2v_hdf5_file_double, memory: a2v_hdf5_type_double, values)
    }

    /// Adds 32-bit floating-point numbers of a shape, row-major.
    public func add(_ name: String, _ values: [Float], shape: [Int]) throws(StorageError) {
        try add(name, shape: shape, type: a2v_hdf5_file_float, memory: a2v_hdf5_type_float, values)
    }

    /// Adds 32-bit floating-point numbers [n, width] that come piece by piece, each some whole rows; all n rows have to come.
    ///
    /// Throws what `pieces` throws, or a `StorageError`.
    public func add(
        _ name: String, rows: Int, width: Int, pieces: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let dataset = try locked { writer throws(StorageError) in
            try writer.opened(name, shape: [rows, width], type: a2v_hdf5_file_float())
        }
        defer { _ = Self.library.withLock { H5Dclose(dataset) } }
        let rowBytes = width * MemoryLayout<Float>.size
        var row = 0
        try pieces { bytes in
            let count = bytes.count / max(rowBytes, 1)
            guard count > 0 else { return }
            precondition(
                bytes.count == count * rowBytes && row + count <= rows,
                "HDF5Writer: \(name) has \(rows) rows of \(width)")
            try locked { writer throws(StorageError) in
                let (start, size) = ([hsize_t(row), 0], [hsize_t(count), hsize_t(width)])
                let there = try writer.check(H5Dget_space(dataset), name)
                defer { H5Sclose(there) }
                let here = try writer.check(H5Screate_simple(2, size, nil), name)
                defer { H5Sclose(here) }
                guard H5Sselect_hyperslab(there, H5S_SELECT_SET, start, nil, size, nil) >= 0,
                    H5Dwrite(dataset, a2v_hdf5_type_float(), here, there, 0, bytes.baseAddress) >= 0
                else { throw writer.failed(name) }
            }
            row += count
        }
        precondition(row == rows, "HDF5Writer: \(row) of \(rows) rows of \(name)")
    }

    /// Adds 64-bit integers, shape [n].
    public func add(_ name: String, _ values: [Int64]) throws(StorageError) {
        try add(name, shape: [values.count], type: a2v_hdf5_file_int64, memory: a2v_hdf5_type_int64, values)
    }

    /// Adds texts of variable length as UTF-8, shape [n]. Nothing behind a zero byte is kept.
    public func add(_ name: String, _ texts: [String]) throws(StorageError) {
        try locked { writer throws(StorageError) in
            let type = try writer.check(H5Tcopy(a2v_hdf5_string()), name)
            defer { H5Tclose(type) }
            H5Tset_size(type, a2v_hdf5_variable())
            H5Tset_cset(type, H5T_CSET_UTF8)
            let copies = texts.map { strdup($0) }
            defer { copies.forEach { free($0) } }
            try writer.create(name, shape: [texts.count], type: type) { dataset in
                copies.withUnsafeBytes { H5Dwrite(dataset, type, 0, 0, 0, $0.baseAddress) }
            }
        }
    }

    /// Ends a file on the disk. Nothing can be added afterwards.
    public func close() throws(StorageError) {
        try locked { writer throws(StorageError) in
            let isWhole = H5Fflush(writer.file, H5F_SCOPE_GLOBAL) >= 0 && H5Fclose(writer.file) >= 0
            writer.file = -1
            guard isWhole else {
                throw StorageError(.invalid, path: path, "the HDF5 library could not write it; is the disk full?")
            }
        }
    }

    /// The whole file, of one in memory. Nothing can be added afterwards.
    public func finish() throws(StorageError) -> [UInt8] {
        try locked { writer throws(StorageError) in
            guard H5Fflush(writer.file, H5F_SCOPE_GLOBAL) >= 0 else { throw writer.failed("finish") }
            let count = H5Fget_file_image(writer.file, nil, 0)
            guard count > 0 else { throw writer.failed("finish") }
            var bytes = [UInt8](repeating: 0, count: count)
            let copied = bytes.withUnsafeMutableBytes { H5Fget_file_image(writer.file, $0.baseAddress, $0.count) }
            guard copied == count else { throw writer.failed("finish") }
            H5Fclose(writer.file)
            writer.file = -1
            return bytes
        }
    }

    private func add<Value>(
        _ name: String, shape: [Int], type: () -> hid_t, memory: () -> hid_t, _ values: [Value]
    ) throws(StorageError) {
        precondition(
            shape.reduce(1, *) == values.count, "HDF5Writer: \(values.count) values of \(name) for the shape \(shape)")
        try locked { writer throws(StorageError) in
            let memory = memory()
            try writer.create(name, shape: shape, type: type()) { dataset in
                values.withUnsafeBytes { H5Dwrite(dataset, memory, 0, 0, 0, $0.baseAddress) }
            }
        }
    }

    private func create(
        _ name: String, shape: [Int], type: hid_t, _ write: (hid_t) -> herr_t
    ) throws(StorageError) {
        let dataset = try opened(name, shape: shape, type: type)
        defer { H5Dclose(dataset) }
        guard shape.contains(0) || write(dataset) >= 0 else { throw failed(name) }
    }

    /// A new data set, which has to be closed.
    private func opened(_ name: String, shape: [Int], type: hid_t) throws(StorageError) -> hid_t {
        let sizes = shape.map { hsize_t($0) }
        let space = try check(H5Screate_simple(Int32(sizes.count), sizes, nil), name)
        defer { H5Sclose(space) }
        let settings = try check(H5Pcreate(a2v_hdf5_dataset_create()), name)
        defer { H5Pclose(settings) }
        // Without the time of writing: the same labels give the same bytes.
        H5Pset_obj_track_times(settings, false)
        return try check(H5Dcreate2(file, name, type, space, links, settings, 0), name)
    }

    private func check(_ identifier: hid_t, _ name: String) throws(StorageError) -> hid_t {
        guard identifier >= 0 else { throw failed(name) }
        return identifier
    }

    private func failed(_ name: String) -> StorageError {
        StorageError(.invalid, path: path, "the HDF5 library refused to write “\(name)”; a name may be used only once")
    }

    private func locked<Result>(
        _ body: (HDF5Writer) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        Self.library.lock()
        defer { Self.library.unlock() }
        return try body(self)
    }
}
