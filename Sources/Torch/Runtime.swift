import CTorch
import Glibc
import Synchronization

/// The loaded libtorch: versions, devices, threads, seed.
public enum Runtime {
    /// How many CUDA devices answer.
    public static var cudaDeviceCount: Int { Int(ctorch_cuda_device_count()) }

    /// Whether libtorch computes in vectors of 512 bits on this processor; some of its kernels are faster than others only
    /// there.
    public static let hasWideVectors = ctorch_has_avx512()

    /// Whether the processor is Intel's, where MKL, which libtorch's fused attention calls, is as fast as anything.
    public static let isIntel = ctorch_is_intel()

    /// Whether the processor multiplies matrices of bfloat16 in tiles (AMX), five times as fast as those of float32.
    public static let hasMatrixTiles = ctorch_has_matrix_tiles()

    /// Version of the loaded libtorch, such as `2.11.0`.
    public static var version: String { text(ctorch_loaded_version()) }

    /// What `start` found out about CUDA, in words.
    public struct Status: Sendable {
        /// Whether a CUDA device answers.
        public let hasCUDA: Bool
        /// Why, or why not.
        public let explanation: String
        /// Version of the loaded libtorch, such as `2.11.0`.
        public let version: String
    }

    /// Prepares libtorch. The first call of a program, before any tensor: it checks the version, opens CUDA where there
    /// is one, and sets threads and allocator to what is fastest on this computer.
    ///
    /// - Parameters:
    ///   - threads: threads for one operator; nil for one per core.
    ///   - keepsFreedMemory: whether large buffers are used again instead of given back to the system at once, where page
    ///     faults cost as much as the arithmetic.
    @discardableResult
    public static func start(threads: Int? = nil, keepsFreedMemory: Bool = true) throws(TorchError) -> Status {
        let compiled = ctorch_compiled_version()
        let loaded = ctorch_loaded_version()
        guard compiled == loaded else {
            throw TorchError(
                code: .version, operation: "libtorch",
                message: "built for \(text(compiled)) but \(text(loaded)) is loaded; run Scripts/setup and build again")
        }
        if keepsFreedMemory { ctorch_keep_freed_memory() }
        var available = false
        let explanation = ctorch_open_cuda(&available)
        defer { free(explanation) }
        if let threads { ctorch_set_thread_count(Int32(threads)) }
        return Status(
            hasCUDA: available, explanation: explanation.map { String(cString: $0) } ?? "", version: text(loaded))
    }

    /// Threads used by one operator.
    public static var threadCount: Int { Int(ctorch_thread_count()) }

    /// Calls `body` with neighbouring parts of 0..<count, of `grain` or more each, one for a thread of libtorch's operators.
    /// Between operators these threads wait by spinning: others beside them would get half of the processor.
    public static func inParallel(_ count: Int, grain: Int = 1, _ body: @Sendable (Range<Int>) -> Void) {
        withoutActuallyEscaping(body) { body in
            typealias Body = @Sendable (Range<Int>) -> Void
            var body: Body = body
            withUnsafeMutablePointer(to: &body) { pointer in
                ctorch_parallel(
                    Int64(count), Int64(grain),
                    { context, from, to in
                        context!.assumingMemoryBound(to: Body.self).pointee(Int(from)..<Int(to))
                    }, pointer)
            }
        }
    }

    /// Calls `body` once for every number of 0..<count, in this order, on whichever of libtorch's threads is free next. Operators
    /// called there use that thread alone.
    ///
    /// Tensors may be read in several calls at once; what a call writes must be its own. Each thread has its own mode of
    /// gradients, so wrap what must not record them in `withoutGradients`.
    ///
    /// - Throws: the first error; calls that have not begun by then are left out.
    public static func distribute(
        _ count: Int, _ body: (Int) throws(TorchError) -> Void
    ) throws(TorchError) {
        let next = Atomic(0)
        let failure = Mutex<TorchError?>(nil)
        withoutActuallyEscaping(body) { body in
            nonisolated(unsafe) let body = body
            inParallel(min(count, threadCount)) { _ in
                while true {
                    let task = next.add(1, ordering: .relaxed).oldValue
                    guard task < count else { return }
                    do throws(TorchError) {
                        try body(task)
                    } catch {
                        next.store(count, ordering: .relaxed)
                        failure.withLock { $0 = $0 ?? error }
                    }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Sets the matrix products of fp32 to libtorch's "highest" (MKL) or "medium" (oneDNN), for comparisons: the faster one
    /// that keeps the precision of fp32 is chosen already when the program is loaded.
    public static func setMatrixPrecision(_ name: String) throws(TorchError) {
        try TorchError.check(ctorch_set_matmul_precision(name), "set matmul precision")
    }

    /// Seeds libtorch's generators, which serve dropout and initialisation only.
    public static func seed(_ seed: UInt64) throws(TorchError) {
        try TorchError.check(ctorch_manual_seed(seed), "manual seed")
    }

    /// Gives memory that was kept for reuse back to the system.
    public static func releaseFreedMemory() { ctorch_release_freed_memory() }

    private static func text(_ version: UInt64) -> String {
        "\(version >> 56 & 0xFF).\(version >> 48 & 0xFF).\(version >> 40 & 0xFF)"
    }
}
