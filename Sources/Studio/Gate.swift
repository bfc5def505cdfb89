// Who may speak to the studio. Only pages that the studio has served itself, opened with its key: no other page in the
// same browser, no name that was made to point here, no program that has not been given the key.
import HTTPTypes
import Hummingbird
import Synchronization

/// Lets a request through or answers it with a refusal; puts the browser's protections on every answer.
struct Gate: Sendable {
    /// The key of this run.
    let token: AccessToken
    /// The port, once it is known.
    let port: BoundPort

    /// Nothing from the network, no inline script or style, no framing.
    static let contentSecurityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
        connect-src 'self'; manifest-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    /// Cookies know no ports: two studios on one computer need two names.
    var cookieName: String { "animal2vec-studio-\(port.value)" }

    private var hosts: [String] { ["127.0.0.1:\(port.value)", "localhost:\(port.value)"] }

    /// Why a request gets nothing; nil when it may pass.
    func refusal(_ request: Request) -> String? {
        guard let host = request.head.authority, hosts.contains(host) else { return "wrong host" }
        let origin = request.headers[.origin]
        if let origin, !hosts.contains(where: { origin == "http://\($0)" }) { return "wrong origin" }
        guard request.method == .get || request.method == .post else { return "wrong method" }
        if let bearer = request.headers[.authorization] {
            // A script that was given the key; no browser sends this header for another page.
            return bearer.hasPrefix("Bearer ") && token.matches(bearer.dropFirst(7)) ? nil : "wrong token"
        }
        if isEntrance(request) { return nil }
        let site = request.headers[HTTPField.Name("Sec-Fetch-Site")!]
        if let site, site != "same-origin", site != "none" { return "wrong origin" }
        guard let cookie = request.cookies[cookieName], token.matches(cookie.value) else { return "wrong token" }
        // A browser names the origin of every change.
        if request.method == .post, origin == nil { return "wrong origin" }
        return nil
    }

    /// Whether this is the address that the terminal has shown, with the key in it.
    func isEntrance(_ request: Request) -> Bool {
        guard request.method == .get, request.uri.path == "/" else { return false }
        return request.uri.queryParameters["token"].map { token.matches($0) } ?? false
    }

    /// The cookie that takes the place of the key in the address.
    var cookie: String { "\(cookieName)=\(token.text); HttpOnly; SameSite=Strict; Path=/" }

    /// Adds what makes browsers strict.
    func protect(_ response: inout Response) {
        response.headers[HTTPField.Name("Content-Security-Policy")!] = Gate.contentSecurityPolicy
        response.headers[HTTPField.Name("X-Content-Type-Options")!] = "nosniff"
        response.headers[HTTPField.Name("X-Frame-Options")!] = "DENY"
        response.headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        response.headers[HTTPField.Name("Cross-Origin-Opener-Policy")!] = "same-origin"
        response.headers[HTTPField.Name("Cross-Origin-Resource-Policy")!] = "same-origin"
        response.headers[HTTPField.Name("Permissions-Policy")!] = "camera=(), microphone=(), geolocation=()"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    }
}

/// The gate in front of every route.
struct GateMiddleware: RouterMiddleware {
    typealias Context = StudioContext
    let gate: Gate

    func handle(
        _ request: Request, context: StudioContext, next: (Request, StudioContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        if let reason = gate.refusal(request) {
            response = .text("Refused: \(reason). Open the address that animal2vec studio has printed.\n", .forbidden)
        } else {
            do {
                response = try await next(request, context)
            } catch let error as StudioError {
                response = .json(["error": error.message], error.isMissing ? .notFound : .badRequest)
            } catch let error as HTTPError where error.status == .notFound {
                response = .json(["error": "There is nothing at this address"], .notFound)
            } catch let error as HTTPError {
                response = .json(["error": error.body ?? error.status.reasonPhrase], error.status)
            } catch {
                response = .json(["error": "\(error)"], .internalServerError)
            }
        }
        gate.protect(&response)
        return response
    }
}

/// What a request carries with it.
struct StudioContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }
}

/// The port that the system has given, known only after the server runs.
final class BoundPort: Sendable {
    private let storage = Mutex(0)

    var value: Int {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }
}
