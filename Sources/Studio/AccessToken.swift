// The secret that opens the page: who cannot read the terminal or the address bar cannot guess it.
import Foundation

/// A random key of 192 bits.
public struct AccessToken: Sendable {
    /// 32 characters of letters, digits, `-` and `_`.
    public let text: String

    /// A new key from the system's generator.
    public init() {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) }
        text = Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
    }

    /// A key that is known already, for tests and scripts. At least 16 characters.
    public init(_ text: String) {
        precondition(text.utf8.count >= 16, "AccessToken: a key of \(text.utf8.count) characters can be guessed")
        self.text = text
    }

    /// Whether somebody knows the key. Takes the same time wherever the difference lies.
    public func matches(_ candidate: some StringProtocol) -> Bool {
        let (own, other) = (Array(text.utf8), Array(candidate.utf8))
        var difference = own.count ^ other.count
        for index in own.indices { difference |= Int(own[index] ^ (index < other.count ? other[index] : 0)) }
        return difference == 0
    }
}
