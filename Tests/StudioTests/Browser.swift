// A real Chromium without a window, spoken to in the DevTools protocol over two pipes: JSON messages that end with a zero.
import Foundation
import Glibc
import Synchronization

/// One page in a browser of its own. Calls wait on threads that the tests' tasks do not need.
final class Browser: Sendable {
    private struct State {
        var process: pid_t
        var input: Int32
        var output: Int32
        var session = ""
        var number = 0
        var received: [UInt8] = []
        var problems: [String] = []
    }

    private let state: Mutex<State>
    private let profile: URL
    /// The program, where there is one.
    static let program: String? = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Starts a browser with an empty page.
    static func start(width: Int = 1440, height: Int = 900) async throws -> Browser {
        try await offPool {
            let browser = try Browser()
            try browser.open(width: width, height: height)
            return browser
        }
    }

    private init() throws {
        guard let program = Browser.program else { throw BrowserFailure("there is no Chromium") }
        profile = FileManager.default.temporaryDirectory.appending(path: "animal2vec-browser-\(UUID().uuidString)")
        var toBrowser: [Int32] = [0, 0]
        var fromBrowser: [Int32] = [0, 0]
        guard pipe(&toBrowser) == 0, pipe(&fromBrowser) == 0 else { throw BrowserFailure("no pipes") }
        for descriptor in toBrowser + fromBrowser { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Through high numbers: 3 and 4 themselves may be ends of the pipes here.
        posix_spawn_file_actions_adddup2(&actions, toBrowser[0], 103)
        posix_spawn_file_actions_adddup2(&actions, fromBrowser[1], 104)
        posix_spawn_file_actions_adddup2(&actions, 103, 3)
        posix_spawn_file_actions_adddup2(&actions, 104, 4)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for descriptor in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
            "--mute-audio", "--hide-scrollbars", "--disable-background-networking", "--disable-extensions",
            "--disable-component-update", "--autoplay-policy=no-user-gesture-required",
            // Whatever a page asks of another computer fails.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir=\(profile.path)",
            "--remote-debugging-pipe", "about:blank",
        ]
        let words = arguments.map { strdup($0) } + [nil]
        let settings = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var child = pid_t()
        let result = posix_spawn(&child, program, &actions, &attributes, words, settings)
        close(toBrowser[0])
        close(fromBrowser[1])
        guard result == 0 else { throw BrowserFailure("\(program): \(String(cString: strerror(result)))") }
        state = Mutex(State(process: child, input: toBrowser[1], output: fromBrowser[0]))
    }

    deinit {
        state.withLock { state in
            close(state.input)
            close(state.output)
            kill(state.process, SIGKILL)
            waitpid(state.process, nil, 0)
        }
        try? FileManager.default.removeItem(at: profile)
    }

    private func open(width: Int, height: Int) throws {
        let made = try call("Target.createTarget", ["url": "about:blank"])
        let attached = try call(
            "Target.attachToTarget", ["targetId": made["targetId"] as? String ?? "", "flatten": true])
        state.withLock { $0.session = attached["sessionId"] as? String ?? "" }
        for domain in ["Page", "Runtime", "Log", "Network"] { _ = try call("\(domain).enable") }
        try setSize(width: width, height: height)
    }

    // MARK: What a test does

    /// Errors that the page has met: exceptions, refused or failed requests, what its policy has stopped.
    var problems: [String] { state.withLock(\.problems) }

    /// Opens an address and waits until the page says that it is ready.
    func visit(_ url: URL) async throws {
        try await offPool { _ = try self.call("Page.navigate", ["url": url.absoluteString]) }
        try await wait("document.body?.dataset.ready === 'true' && location.search === ''")
    }

    /// The value of a script.
    func value<Value: Decodable & Sendable>(_ script: String, as type: Value.Type = Value.self) async throws -> Value {
        try await offPool {
            let answer = try self.call(
                "Runtime.evaluate",
                [
                    "expression": "(async () => JSON.stringify(await (\(script))))()", "awaitPromise": true,
                    "returnByValue": true, "userGesture": true,
                ])
            if let details = answer["exceptionDetails"] as? [String: Any] {
                let exception = details["exception"] as? [String: Any]
                throw BrowserFailure("\(script): \(exception?["description"] ?? details)")
            }
            guard let text = (answer["result"] as? [String: Any])?["value"] as? String else {
                throw BrowserFailure("\(script) has no value")
            }
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        }
    }

    /// Runs a script for what it does.
    func run(_ script: String) async throws { _ = try await value("(\(script), true)", as: Bool.self) }

    /// Waits until a script says true.
    func wait(_ condition: String, seconds: Double = 20) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if (try? await value("!!(\(condition))", as: Bool.self)) == true { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw BrowserFailure("never true: \(condition); \(problems)")
    }

    /// Presses a key, as a keyboard does.
    func press(_ key: String, shift: Bool = false) async throws {
        let codes = [
            "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
            "Tab": 9, "Delete": 46,
        ]
        try await offPool {
            var event: [String: Any] = [
                "type": "keyDown", "key": key, "modifiers": shift ? 8 : 0,
                "windowsVirtualKeyCode": codes[key] ?? Int(key.uppercased().unicodeScalars.first!.value),
            ]
            if key.count == 1 { event["text"] = key }
            if key == "Enter" { event["text"] = "\r" }
            _ = try self.call("Input.dispatchKeyEvent", event)
            event["type"] = "keyUp"
            event["text"] = nil
            _ = try self.call("Input.dispatchKeyEvent", event)
        }
    }

    /// Types a text into what has the focus.
    func type(_ text: String) async throws {
        try await offPool { _ = try self.call("Input.insertText", ["text": text]) }
    }

    /// Presses the mouse at the first place, moves it along the others, and lets go.
    func drag(_ places: [(x: Double, y: Double)]) async throws {
        let flat = places.map { [$0.x, $0.y] }
        try await offPool {
            func mouse(_ type: String, _ place: [Double]) throws {
                _ = try self.call(
                    "Input.dispatchMouseEvent",
                    [
                        "type": type, "x": place[0], "y": place[1], "button": "left",
                        "buttons": type == "mouseReleased" ? 0 : 1,
                        "clickCount": 1,
                    ])
            }
            try mouse("mousePressed", flat[0])
            for place in flat.dropFirst() { try mouse("mouseMoved", place) }
            try mouse("mouseReleased", flat[flat.count - 1])
        }
    }

    /// Clicks the middle of an element once it lies still and nothing lies over it, as a person would.
    func click(_ selector: String) async throws {
        let place: [Double] = try await value(
            """
            (async () => {
              let last = '', still = 0;
              for (let frame = 0; frame < 600; frame++) {
                await new Promise(requestAnimationFrame);
                const e = document.querySelector(\(quoted(selector)));
                if (!e) continue;
                e.scrollIntoView({ block: 'nearest' });
                const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
                const here = `${x} ${y}`, top = document.elementFromPoint(x, y);
                still = here === last && top && (e.contains(top) || top.contains(e)) ? still + 1 : 0;
                last = here;
                if (still >= 4) return [x, y];
              }
              throw new Error('cannot be clicked: ' + \(quoted(selector)));
            })()
            """)
        try await drag([(place[0], place[1])])
    }

    /// The size of the window; a narrow one is a telephone.
    func setSize(width: Int, height: Int) throws {
        _ = try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": width < 600 ? 2 : 1, "mobile": width < 600])
    }

    /// A picture of the page.
    func screenshot() async throws -> Data {
        try await offPool {
            let answer = try self.call("Page.captureScreenshot", ["format": "png"])
            return Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
        }
    }

    func quoted(_ text: String) -> String { "\"\(text.replacingOccurrences(of: "\"", with: "\\\""))\"" }

    // MARK: Protocol

    @discardableResult
    private func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        try state.withLock { state in
            state.number += 1
            var message: [String: Any] = ["id": state.number, "method": method, "params": parameters]
            if !state.session.isEmpty { message["sessionId"] = state.session }
            var bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
            while !bytes.isEmpty {
                let count = write(state.input, bytes, bytes.count)
                guard count > 0 else { throw BrowserFailure("the browser has gone") }
                bytes.removeFirst(count)
            }
            while true {
                let answer = try Browser.message(&state)
                if answer["id"] as? Int == state.number {
                    if let error = answer["error"] as? [String: Any] { throw BrowserFailure("\(method): \(error)") }
                    return answer["result"] as? [String: Any] ?? [:]
                }
                Browser.note(answer, &state)
            }
        }
    }

    private static func note(_ event: [String: Any], _ state: inout State) {
        let parameters = event["params"] as? [String: Any] ?? [:]
        switch event["method"] as? String {
        case "Runtime.exceptionThrown":
            let details = parameters["exceptionDetails"] as? [String: Any]
            let exception = details?["exception"] as? [String: Any]
            state.problems.append("\(exception?["description"] ?? details ?? [:])")
        case "Log.entryAdded":
            let entry = parameters["entry"] as? [String: Any] ?? [:]
            if entry["level"] as? String == "error" {
                state.problems.append("\(entry["text"] ?? "") \(entry["url"] ?? "")")
            }
        default: break
        }
    }

    private static func message(_ state: inout State) throws -> [String: Any] {
        while true {
            if let end = state.received.firstIndex(of: 0) {
                let text = Data(state.received[..<end])
                state.received.removeFirst(end + 1)
                return try JSONSerialization.jsonObject(with: text) as? [String: Any] ?? [:]
            }
            var waiting = pollfd(fd: state.output, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 30_000) == 1 else { throw BrowserFailure("the browser does not answer") }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(state.output, &buffer, buffer.count)
            guard count > 0 else { throw BrowserFailure("the browser has gone") }
            state.received += buffer[..<count]
        }
    }
}

/// What went wrong with the browser.
struct BrowserFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs what waits on a thread of its own: the few threads of tasks are needed by the server.
func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
    }
}
