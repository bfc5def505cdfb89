// A studio that serves in this process, and a client that sends exactly the bytes a test wants.
import Atlas
import Foundation
import Glibc
import Studio
import Synchronization

/// A studio under way; it ends with `stop`.
struct RunningStudio {
    let url: URL
    let token: AccessToken
    private let task: Task<Void, any Error>

    /// Opens the atlas of a folder and serves it.
    static func start(_ folder: URL, corpus: URL? = nil, usesCorpusLabels: Bool = false) async throws -> RunningStudio {
        var configuration = StudioServer.Configuration()
        (configuration.corpus, configuration.usesCorpusLabels) = (corpus, usesCorpusLabels)
        configuration.annotator = "Ada"
        let server = try StudioServer(Atlas.open(folder), configuration)
        let (addresses, continuation) = AsyncStream.makeStream(of: URL.self)
        let task = Task {
            defer { continuation.finish() }
            try await server.run { continuation.yield($0) }
        }
        for await url in addresses { return RunningStudio(url: url, token: configuration.token, task: task) }
        try await task.value
        throw BrowserFailure("the studio did not start")
    }

    func stop() async {
        task.cancel()
        _ = try? await task.value
    }

    var port: Int { url.port! }
    var host: String { "127.0.0.1:\(port)" }
    private var bearer: [String: String] { ["Authorization": "Bearer \(token.text)"] }

    /// Asks as a script with the key does.
    func get(_ path: String) async throws -> Answer { try await request("GET", path, bearer) }

    /// Sends JSON as a script with the key does.
    func post(_ path: String, _ body: some Encodable & Sendable) async throws -> Answer {
        try await request("POST", path, bearer, body: JSONEncoder().encode(body))
    }

    /// Sends JSON and reads the answer, which must be good.
    func post<Value: Decodable>(_ path: String, _ body: some Encodable & Sendable, as type: Value.Type) async throws
        -> Value
    {
        let answer = try await post(path, body)
        guard answer.status == 200 else { throw BrowserFailure("\(path): \(answer.status) \(answer.text)") }
        return try JSONDecoder().decode(Value.self, from: answer.body)
    }

    /// What came back.
    struct Answer: Sendable {
        var status: Int
        var head: String
        var body: Data
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Sends a request as it stands. `host` and `length` may lie.
    func request(
        _ method: String, _ path: String, _ headers: [String: String] = [:], host: String? = nil, body: Data? = nil,
        length: Int? = nil
    ) async throws -> Answer {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(host ?? self.host)\r\nConnection: close\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Type: application/json\r\nContent-Length: \(length ?? body.count)\r\n" }
        let bytes = Array(text.utf8) + Array("\r\n".utf8) + Array(body ?? Data())
        let port = UInt16(port)
        return try await offPool { try exchange(bytes, port: port) }
    }
}

/// Sends bytes and reads to the end.
private func exchange(_ bytes: [UInt8], port: UInt16) throws -> RunningStudio.Answer {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { throw BrowserFailure("nobody listens on port \(port)") }
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        // A server may answer before it has read everything.
        if count <= 0 { break }
        sent += count
    }
    var received = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count <= 0 { break }
        received.append(contentsOf: buffer[..<count])
    }
    guard let end = received.range(of: Data("\r\n\r\n".utf8)) else { throw BrowserFailure("no answer") }
    let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
    let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    return .init(status: status, head: head, body: Data(received[end.upperBound...]))
}
