import Foundation
import Studio
import TestSupport
import Testing

@Suite struct `The gate of the studio` {
    /// A session cookie as the entrance gives it.
    private func cookie(_ studio: RunningStudio) async throws -> String {
        let entrance = try await studio.request("GET", "/?token=\(studio.token.text)")
        let line = entrance.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("set-cookie:") } ?? ""
        return String(line.dropFirst("set-cookie: ".count).split(separator: ";")[0])
    }

    @Test func `The key opens, and its cookie can be read by no script and is sent to no other page`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let entrance = try await studio.request("GET", "/?token=\(studio.token.text)")
            #expect(entrance.status == 200)
            #expect(entrance.head.contains("HttpOnly") && entrance.head.contains("SameSite=Strict"))
            #expect(!entrance.text.contains(studio.token.text))
            let cookie = try await cookie(studio)
            let page = try await studio.request("GET", "/", ["Cookie": cookie])
            #expect(page.status == 200 && page.text.contains("<title>Studio"))
            #expect(page.head.contains("default-src 'none'") && page.head.contains("frame-ancestors 'none'"))
            #expect(!page.head.lowercased().contains("access-control-allow"))
            let summary = try await studio.request("GET", "/api/summary", ["Cookie": cookie])
            #expect(summary.status == 200 && summary.text.contains("\"count\":90"))
            await studio.stop()
        }
    }

    @Test func `Another origin, a wrong key, a wrong host and a wrong method get nothing`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let cookie = try await cookie(studio)
            let label = Data(#"{"ids":[0],"label":"evil"}"#.utf8)
            func refused(_ answer: RunningStudio.Answer, _ why: String) {
                #expect(answer.status == 403, "\(why): \(answer.status)")
                #expect(!answer.text.contains("sound") && !answer.text.contains("<script"), "\(why): \(answer.text)")
            }
            for path in ["/", "/app.js", "/api/summary", "/api/points", "/api/clip?id=0", "/nothing"] {
                refused(try await studio.request("GET", path), "no key for \(path)")
                refused(
                    try await studio.request("GET", path, ["Cookie": cookie], host: "evil.example:\(studio.port)"),
                    "host of another name for \(path)")
                refused(
                    try await studio.request("GET", path, ["Cookie": cookie, "Origin": "http://evil.example"]),
                    "other origin for \(path)")
                refused(
                    try await studio.request("GET", path, ["Cookie": cookie, "Sec-Fetch-Site": "cross-site"]),
                    "image of another page for \(path)")
            }
            refused(try await studio.request("GET", "/", ["Cookie": cookie], host: "127.0.0.1"), "host without port")
            refused(try await studio.request("GET", "/?token=\(AccessToken().text)"), "another key")
            refused(try await studio.request("GET", "/?token="), "an empty key")
            refused(
                try await studio.request("GET", "/api/summary?token=\(studio.token.text)"), "key beside the entrance")
            refused(
                try await studio.request("GET", "/api/summary", ["Authorization": "Bearer x"]), "wrong bearer")
            refused(
                try await studio.request("POST", "/api/label", ["Cookie": cookie], body: label), "change without origin"
            )
            for origin in [
                "null", "http://127.0.0.1:1", "https://\(studio.host)", "http://\(studio.host).evil.example",
            ] {
                refused(
                    try await studio.request("POST", "/api/label", ["Cookie": cookie, "Origin": origin], body: label),
                    "change from \(origin)")
            }
            refused(
                try await studio.request(
                    "DELETE", "/api/label", ["Cookie": cookie, "Origin": "http://\(studio.host)"]),
                "method DELETE")
            refused(
                try await studio.request("OPTIONS", "/api/label", ["Cookie": cookie, "Origin": "http://evil.example"]),
                "preflight")
            // Nothing of all this was done; the page itself may.
            let before = try await studio.get("/api/progress")
            #expect(before.text.contains("\"labelled\":0"))
            let own = try await studio.request(
                "POST", "/api/label", ["Cookie": cookie, "Origin": "http://\(studio.host)"], body: label)
            #expect(own.status == 200)
            await studio.stop()
        }
    }

    @Test func `No path reaches a file`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let paths = [
                "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd",
                "/Page/../index.html",
                "//etc/passwd", "/etc/passwd", "/atlas.sqlite", "/index.html%00.js", "/%5c..%5cwindows",
                "/api/../../etc/passwd", "/api/clip?id=/etc/passwd", "/api/clip?id=../../etc/passwd",
                "/api/sound?id=1e99", "/api/sound?id=-1", "/api/sound?id=90", "/api/clip?id=0&from=nan&to=1",
                "/api/clip?id=0&from=0&to=100000", "/api/clip?id=0&from=1e300&to=1.1e300",
                "/api/spectrogram?id=0&from=-1e300&to=0", "/api/export?format=../../etc/passwd",
                "/api/cluster?number=1e300",
            ]
            for path in paths {
                let answer = try await studio.get(path)
                #expect(answer.status == 404 || answer.status == 400, "\(path): \(answer.status)")
                #expect(!answer.text.contains("root:"), "\(path)")
                #expect(answer.head.contains("nosniff"), "\(path)")
            }
            #expect(try await studio.get("/api/summary").status == 200)
            await studio.stop()
        }
    }

    @Test func `Bodies that are too long, lie or make no sense are refused, and the studio goes on`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let headers = ["Authorization": "Bearer \(studio.token.text)"]
            let long = Data("{\"text\":\"\(String(repeating: "x", count: 200_000))\"}".utf8)
            #expect(try await studio.request("POST", "/api/search", headers, body: long).status == 413)
            let lie = try await studio.request("POST", "/api/label", headers, body: Data("{}".utf8), length: 1 << 40)
            #expect(lie.status == 413)
            for (path, body) in [
                ("/api/label", #"{"ids":[0],"label":""}"#), ("/api/label", #"{"ids":[],"label":"a"}"#),
                ("/api/label", #"{"ids":[90],"label":"a"}"#), ("/api/label", #"{"ids":[0],"label":"a\nb"}"#),
                ("/api/label", #"{"ids":["0"],"label":"a"}"#), ("/api/label", "[[[[[[[[[["), ("/api/label", ""),
                ("/api/like", #"{"like":[-5]}"#), ("/api/search", #"{"text":" "}"#),
                ("/api/propose", #"{"kind":"all"}"#),
                ("/api/learn", "{}"), ("/api/found", #"{"label":"x"}"#), ("/api/nothing", "{}"),
                ("/api/box", #"{"soundID":0,"startSeconds":2,"endSeconds":1,"label":"a"}"#),
                ("/api/box", #"{"soundID":0,"startSeconds":1,"endSeconds":99,"label":"a"}"#),
                ("/api/box", #"{"soundID":0,"startSeconds":1,"endSeconds":2,"lowHz":5,"highHz":99999,"label":"a"}"#),
                ("/api/box", #"{"id":77,"soundID":0,"startSeconds":1,"endSeconds":2,"label":"a"}"#),
            ] {
                let answer = try await studio.request("POST", path, headers, body: Data(body.utf8))
                #expect((400...404).contains(answer.status), "\(path) \(body): \(answer.status)")
                #expect(answer.text.contains("error"), "\(path) \(body): \(answer.text)")
            }
            #expect(try await studio.get("/api/progress").text.contains("\"labelled\":0"))
            await studio.stop()
        }
    }

    @Test func `Keys are long, new each time, and compared as a whole`() {
        let tokens = (0..<50).map { _ in AccessToken().text }
        #expect(Set(tokens).count == 50 && tokens.allSatisfy { $0.utf8.count == 32 })
        let token = AccessToken()
        #expect(token.matches(token.text))
        #expect(!token.matches(token.text + "a") && !token.matches(token.text.dropLast()) && !token.matches(""))
    }
}
