import Foundation
import Storage
import TestSupport
import Testing

@Suite struct FileLockTests {
    @Test func `A second taker is told who holds the lock, and gets it after the first is gone`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "lock")
            var first: FileLock? = try FileLock(url)
            #expect(first?.isExclusive == true)
            let error = #expect(throws: StorageError.self) { try FileLock(url) }
            #expect(error?.code == .locked)
            #expect(error?.description.contains("in use by process \(getpid()) on") == true)
            first = nil
            _ = try FileLock(url)
        }
    }

    @Test func `The lock of another process holds until that process is killed`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "lock")
            let other = Process()
            other.executableURL = URL(filePath: "/usr/bin/flock")
            other.arguments = [url.path, "sleep", "60"]
            try other.run()
            defer { other.terminate() }
            var error: StorageError?
            for _ in 0..<100 where error == nil {
                do throws(StorageError) { _ = try FileLock(url) } catch let caught { error = caught }
                usleep(20_000)
            }
            #expect(error?.code == .locked)
            #expect(error?.description.contains("in use by another process") == true)
        }
    }
}
