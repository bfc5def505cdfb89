import Foundation
import Glibc

/// The memory of this computer and of this process, as Linux tells it.
enum SystemMemory {
    /// Bytes that could be had: what the computer has free, or what the control group is still allowed.
    static func availableBytes() throws -> Int {
        let free = try kilobytes("MemAvailable", in: "/proc/meminfo")
        let group = "/sys/fs/cgroup/memory."
        guard let limit = number(group + "max"), let used = number(group + "current") else { return free }
        return max(0, min(free, limit - used))
    }

    /// Bytes that this process holds.
    static func residentBytes() throws -> Int { try kilobytes("VmRSS", in: "/proc/self/status") }

    /// The most that it has held since `forgetPeak`.
    static func peakBytes() throws -> Int { try kilobytes("VmHWM", in: "/proc/self/status") }

    /// Begins a new peak.
    static func forgetPeak() throws {
        // Not through Foundation, which would replace the file.
        guard let file = fopen("/proc/self/clear_refs", "w") else {
            throw RunError(
                description:
                    "/proc/self/clear_refs: cannot be written, so batch.clips: auto cannot measure; give a number")
        }
        fputs("5", file)
        fclose(file)
    }

    private static func kilobytes(_ name: String, in path: String) throws -> Int {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        let words = line?.split(whereSeparator: \.isWhitespace) ?? []
        guard words.count > 1, let count = Int(words[1]) else {
            throw RunError(
                description: "\(path): says nothing of \(name), so batch.clips: auto cannot measure; give a number")
        }
        return count * 1024
    }

    private static func number(_ path: String) -> Int? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
            Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
