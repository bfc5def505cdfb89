import Foundation

/// Why a file could not be read or written: what kind of trouble, which file, and what helps.
public struct StorageError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The kind of trouble, for programs that must decide.
    public enum Code: String, Sendable, Hashable {
        /// The file or folder does not exist.
        case notFound
        /// The file or folder exists where none may.
        case exists
        /// The user may not do this.
        case permission
        /// No space, or the quota is used up.
        case diskFull
        /// Any other refusal by the operating system.
        case inputOutput
        /// The content breaks the rules of its format or does not match its checksum.
        case corrupt
        /// The caller asked for something that the file does not hold or the format cannot express.
        case invalid
        /// Another process holds the lock.
        case locked
        /// A test stopped the file system here, as a kill would.
        case stopped
    }

    /// The kind of trouble.
    public let code: Code
    /// Path of the file or folder concerned.
    public let path: String
    /// What is wrong and what helps, without the path.
    public let message: String

    /// An error about the file at `path`; `message` says what is wrong and what helps, without naming the path again.
    public init(_ code: Code, path: String, _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    /// The path, then what is wrong with it.
    public var description: String { "\(path): \(message)" }

    /// A failed system call.
    package init(errno number: Int32, doing action: String, path: String) {
        let text = "cannot \(action): \(String(cString: strerror(number)))"
        switch number {
        case ENOENT, ENOTDIR: self.init(.notFound, path: path, text)
        case EEXIST, ENOTEMPTY: self.init(.exists, path: path, text)
        case EACCES, EPERM, EROFS:
            self.init(.permission, path: path, "\(text); choose a folder that you may write to")
        case ENOSPC, EDQUOT, EFBIG:
            self.init(.diskFull, path: path, "\(text); free some space and try again")
        default: self.init(.inputOutput, path: path, text)
        }
    }
}
