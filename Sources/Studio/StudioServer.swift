// The studio as a local web server. It listens on this computer only.
import Atlas
import Foundation
import Hummingbird
import Logging
import NIOCore
import Storage

/// Serves the page of one atlas until it is stopped.
public struct StudioServer: Sendable {
    /// How the studio is opened.
    public struct Configuration: Sendable {
        /// The port on this computer; 0 for any that is free.
        public var port = 0
        /// The corpus that labels may be saved to besides the atlas; nil for none.
        public var corpus: URL?
        /// Whether labels that came with the recordings are shown and learned from.
        public var usesCorpusLabels = true
        /// Who labels, as tables tell it; nil to leave it out.
        public var annotator: String?
        /// The key that opens the page.
        public var token = AccessToken()

        /// The usual settings.
        public init() {}
    }

    private let configuration: Configuration
    private let folder: URL
    private let gate: Gate
    private let routes: Routes

    /// A studio for an open atlas; the server does not run yet. Throws `AtlasError` or `StudioError`.
    public init(_ atlas: Atlas, _ configuration: Configuration = Configuration()) throws {
        guard atlas.count > 0 else {
            throw StudioError("\(atlas.folder.path): the atlas holds no sound; `animal2vec embed` fills it")
        }
        (self.configuration, folder) = (configuration, atlas.folder)
        gate = Gate(token: configuration.token, port: BoundPort())
        let session = try StudioSession(
            atlas,
            .init(
                corpus: configuration.corpus, usesCorpusLabels: configuration.usesCorpusLabels,
                annotator: configuration.annotator))
        routes = Routes(session: session, gate: gate, files: try PageFiles())
    }

    /// Serves until SIGINT or SIGTERM, or until the task is cancelled. `started` gets the address with the key in it. Throws
    /// `StorageError` where another studio works with the atlas.
    public func run(started: @escaping @Sendable (URL) -> Void) async throws {
        // Two studios would undo each other's changes without seeing them.
        let lock = try FileLock(folder.appending(path: "studio.lock"))
        defer { withExtendedLifetime(lock) {} }
        var logger = Logger(label: "studio")
        logger.logLevel = .critical
        let application = Application(
            router: routes.router(),
            configuration: ApplicationConfiguration(
                address: .hostname("127.0.0.1", port: configuration.port), serverName: nil, reuseAddress: true),
            onServerRunning: { channel in
                guard let port = channel.localAddress?.port else { return }
                gate.port.value = port
                started(URL(string: "http://127.0.0.1:\(port)/?token=\(gate.token.text)")!)
            }, logger: logger)
        do {
            try await application.runService()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw StudioError("Port \(configuration.port) is taken; choose another with --port, or 0 for any")
        }
    }
}
