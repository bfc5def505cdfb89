// A scripted annotator: labels the sounds that the studio proposes with their true labels, through the same addresses as the
// page, and after every round asks how well the rest would be named. Beside it the same in random order.
import Atlas
import Foundation
import FoundationNetworking
import Randomness
import Storage
import Studio
import Synchronization

extension Benchmarks {
    /// `annotator --atlas DIR [--labels 200] [--learn 0.667] [--seeds 5] [--out FILE]`: the atlas's labels are the truth, which
    /// the studio does not see. Labels are given to sounds of the first recordings only; the score is that of the others.
    static func annotator(_ arguments: Arguments) throws {
        let folder = URL(fileURLWithPath: arguments.text("atlas", ".cache/bench/notes.atlas"))
        let wanted = Int(arguments.number("labels", 200))
        let done = DispatchSemaphore(value: 0)
        let outcome = Outcome()
        Task {
            do {
                let truth = try AnnotationTruth(folder, learnShare: arguments.number("learn", 0.667))
                var curves: [String: [[Score]]] = [:]
                for kind in ["mixed", "uncertain", "diverse", "rare"] {
                    curves[kind] = [try await annotate(folder, truth, kind: kind, seed: 0, wanted: wanted)]
                }
                for seed in 0..<Int(arguments.number("seeds", 5)) {
                    curves["random", default: []].append(
                        try await annotate(folder, truth, kind: "random", seed: UInt64(seed), wanted: wanted))
                }
                outcome.set(.success(curves))
            } catch { outcome.set(.failure(error)) }
            done.signal()
        }
        done.wait()
        let curves = try outcome.curves
        for kind in curves.keys.sorted() {
            for score in meanCurve(curves[kind]!) {
                report(
                    "annotator \(kind)",
                    ["clicks": Double(score.clicks), "macro_f1": score.macroF1, "classes": Double(score.classes)])
            }
        }
        let seconds = curves.values.joined().joined().map(\.learnSeconds).sorted()
        report(
            "annotator learning",
            ["seconds_median": seconds.isEmpty ? 0 : seconds[seconds.count / 2], "seconds_max": seconds.last ?? 0])
        if let out = arguments.text("out", "").isEmpty ? nil : arguments.text("out", "") {
            try AtomicFile.write(AnnotatorChart(curves).svg, to: URL(fileURLWithPath: out))
        }
    }

    /// One point of a curve.
    struct Score: Sendable {
        var clicks: Int
        var macroF1: Double
        var classes: Int
        var learnSeconds: Double
    }

    /// What the task has found out.
    private final class Outcome: Sendable {
        private let storage = Mutex<Result<[String: [[Score]]], any Error>>(.success([:]))
        var curves: [String: [[Score]]] {
            get throws { try storage.withLock { try $0.get() } }
        }
        func set(_ result: Result<[String: [[Score]]], any Error>) { storage.withLock { $0 = result } }
    }

    /// The mean of curves at equal numbers of clicks.
    static func meanCurve(_ curves: [[Score]]) -> [Score] {
        (0..<(curves.map(\.count).min() ?? 0)).map { place in
            let points = curves.map { $0[place] }
            var mean = points[0]
            mean.clicks = points.map(\.clicks).reduce(0, +) / points.count
            mean.macroF1 = points.map(\.macroF1).reduce(0, +) / Double(points.count)
            mean.classes = points.map(\.classes).reduce(0, +) / points.count
            return mean
        }
    }

    /// Labels sounds of a copy of the atlas: those that the studio proposes, or a random order.
    private static func annotate(
        _ folder: URL, _ truth: AnnotationTruth, kind: String, seed: UInt64, wanted: Int
    ) async throws -> [Score] {
        let copy = FileManager.default.temporaryDirectory.appending(path: "animal2vec-annotator-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: folder, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        var configuration = StudioServer.Configuration()
        configuration.usesCorpusLabels = false
        let server = try StudioServer(Atlas.open(copy), configuration)
        let (addresses, continuation) = AsyncStream.makeStream(of: URL.self)
        let serving = Task { try await server.run { continuation.yield($0) } }
        defer { serving.cancel() }
        var iterator = addresses.makeAsyncIterator()
        guard let address = await iterator.next() else { return [] }
        let client = StudioClient(address: address, token: configuration.token.text)

        var random = KeyedRandom(seed: seed, purpose: .order)
        var shuffled = truth.pool.shuffled(using: &random)[...]
        var labelled: Set<Int> = []
        var scores: [Score] = []
        while labelled.count < wanted {
            let round = min(10, wanted - labelled.count)
            var proposed: [Int] = []
            if kind == "random" {
                proposed = Array(shuffled.prefix(round))
                shuffled = shuffled.dropFirst(round)
            } else {
                // Of what is proposed, sounds of the recordings that are held out are passed over.
                while proposed.count < round {
                    let list = try await client.post(
                        "/api/propose", ["kind": kind, "count": 15] as [String: any Sendable], as: Found.self)
                    if list.ids.isEmpty { break }
                    proposed += list.ids.filter { truth.isInPool[$0] }
                }
                proposed = Array(proposed.prefix(round))
            }
            if proposed.isEmpty { break }
            for id in proposed {
                _ = try await client.post(
                    "/api/label", ["ids": [id], "label": truth.labels[id]] as [String: any Sendable], as: Changed.self)
                labelled.insert(id)
            }
            guard Set(labelled.map { truth.labels[$0] }).count > 1 else { continue }
            let learned = try await client.post("/api/learn", [:], as: Learned.self)
            let names = try await client.get("/api/summary", as: Summary.self).labels.map(\.name)
            let guesses = try await client.bytes("/api/guesses")
            let codes = guesses.withUnsafeBytes { bytes in
                truth.labels.indices.map { Int(bytes.loadUnaligned(fromByteOffset: 8 + 4 * $0, as: Int32.self)) }
            }
            scores.append(
                Score(
                    clicks: labelled.count, macroF1: truth.macroF1 { names[codes[$0]] }, classes: learned.labels,
                    learnSeconds: learned.seconds))
        }
        return scores
    }

    private struct Found: Decodable { var ids: [Int] }
    private struct Changed: Decodable { var ids: [Int] }
    private struct Learned: Decodable {
        var labels: Int
        var seconds: Double
    }
    private struct Summary: Decodable {
        struct Label: Decodable { var name: String }
        var labels: [Label]
    }
}

/// What the sounds of an atlas truly are, and which of them may be labelled.
private struct AnnotationTruth: Sendable {
    let labels: [String]
    let isInPool: [Bool]
    let pool: [Int]

    init(_ folder: URL, learnShare: Double) throws {
        let atlas = try Atlas.open(folder)
        let recordings = try atlas.recordings().sorted {
            $0.name.compare($1.name, options: .numeric) == .orderedAscending
        }
        let learned = Set(recordings.prefix(Int((learnShare * Double(recordings.count)).rounded())).map(\.id))
        let sounds = try atlas.sounds(Array(0..<atlas.count))
        labels = sounds.map { $0.labels.first ?? "" }
        let isInPool = sounds.map { learned.contains($0.recordingID) && !$0.labels.isEmpty }
        pool = isInPool.indices.filter { isInPool[$0] }
        self.isInPool = isInPool
    }

    /// Over the sounds held out: the mean over true classes of 2 · hits / (true + guessed).
    func macroF1(_ guess: (Int) -> String) -> Double {
        var hits: [String: Double] = [:]
        var both: [String: Double] = [:]
        var classes: Set<String> = []
        for id in labels.indices where !isInPool[id] && !labels[id].isEmpty {
            let found = guess(id)
            classes.insert(labels[id])
            if found == labels[id] { hits[found, default: 0] += 1 }
            both[labels[id], default: 0] += 1
            both[found, default: 0] += 1
        }
        return classes.reduce(0) { $0 + 2 * hits[$1, default: 0] / both[$1, default: 1] } / Double(classes.count)
    }
}

/// Speaks with a studio as a script that was given the key.
private struct StudioClient: Sendable {
    let address: URL
    let token: String

    private func request(_ path: String) -> URLRequest {
        var request = URLRequest(url: URL(string: path, relativeTo: address)!.absoluteURL)
        request.timeoutInterval = 600
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        return request
    }

    func bytes(_ path: String) async throws -> Data { try await answer(request(path)) }

    func get<Value: Decodable>(_ path: String, as type: Value.Type) async throws -> Value {
        try JSONDecoder().decode(Value.self, from: try await bytes(path))
    }

    func post<Value: Decodable>(_ path: String, _ body: [String: any Sendable], as type: Value.Type) async throws
        -> Value
    {
        var request = request(path)
        request.httpMethod = "POST"
        request.httpBody = try JSONSerialization.data(withJSONObject: body)
        return try JSONDecoder().decode(Value.self, from: try await answer(request))
    }

    private func answer(_ request: URLRequest) async throws -> Data {
        let (data, response) = try await URLSession.shared.data(for: request)
        guard (response as? HTTPURLResponse)?.statusCode == 200 else {
            throw StudioError("\(request.url?.path ?? ""): \(String(decoding: data, as: UTF8.self))")
        }
        return data
    }
}

/// The curves as a picture.
private struct AnnotatorChart {
    let curves: [String: [[Benchmarks.Score]]]
    private let width = 720.0
    private let height = 380.0
    private let left = 56.0
    private let bottom = 44.0

    init(_ curves: [String: [[Benchmarks.Score]]]) { self.curves = curves }

    private func point(_ clicks: Double, _ score: Double) -> String {
        let most = Double(curves.values.joined().joined().map(\.clicks).max() ?? 1)
        let x = left + clicks / most * (width - left - 130)
        let y = height - bottom - score * (height - bottom - 20)
        return String(format: "%.1f,%.1f", x, y)
    }

    var svg: String {
        let styles = [
            ("mixed", "#7a3cc2", "3"), ("uncertain", "#d2691e", "1.5"), ("diverse", "#2c8a57", "1.5"),
            ("rare", "#0b63ce", "1.5"), ("random", "#6b6670", "3"),
        ]
        var body = ""
        for tick in stride(from: 0.0, through: 1, by: 0.2) {
            let place = point(0, tick).split(separator: ",")[1]
            body += "<line x1='\(left)' x2='\(width - 130)' y1='\(place)' y2='\(place)' stroke='#8884'/>"
            body += "<text x='\(left - 8)' y='\(place)' text-anchor='end' dy='4'>\(String(format: "%.1f", tick))</text>"
        }
        let most = curves.values.joined().joined().map(\.clicks).max() ?? 0
        for clicks in stride(from: 0, through: most, by: 50) {
            let place = point(Double(clicks), 0).split(separator: ",")[0]
            body += "<text x='\(place)' y='\(height - bottom + 18)' text-anchor='middle'>\(clicks)</text>"
        }
        for (place, style) in styles.enumerated() {
            let mean = Benchmarks.meanCurve(curves[style.0] ?? [])
            let points = mean.map { point(Double($0.clicks), $0.macroF1) }.joined(separator: " ")
            body += "<polyline points='\(points)' fill='none' stroke='\(style.1)' stroke-width='\(style.2)'/>"
            body += "<text x='\(width - 120)' y='\(40 + 20 * place)' fill='\(style.1)'>\(style.0)</text>"
        }
        return """
            <svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 \(Int(width)) \(Int(height))' \
            font-family='sans-serif' font-size='13' fill='#6b6670'><rect width='100%' height='100%' fill='#fff'/>\
            <text x='\(left)' y='14'>macro-F1 on recordings held out, by labels given</text>\(body)</svg>

            """
    }
}
