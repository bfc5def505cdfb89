// What can be asked of the studio. Sounds go by their numbers: nothing that a page sends is ever part of a path.
import Foundation
import Hummingbird

/// All routes of the studio.
struct Routes: Sendable {
    let session: StudioSession
    let gate: Gate
    let files: PageFiles
    let pictures = SoundPictures()
    /// A change may name every sound of a large atlas; nothing else is long.
    static let longestChangeBytes = 16 << 20

    func router() -> Router<StudioContext> {
        let router = Router(context: StudioContext.self)
        router.add(middleware: GateMiddleware(gate: gate))
        // Paths without a route pass the gate as well, and then there is nothing.
        router.read("/") { request in page(request) }
        for (name, file) in files.all {
            router.read("/\(name)") { _ in .bytes(file.data, file.type, cache: "no-cache") }
        }
        addLooking(router)
        addChanging(router)
        addFinding(router)
        return router
    }

    // MARK: Page

    private func page(_ request: Request) -> Response {
        if gate.isEntrance(request) {
            // A page of its own, no redirect: a browser that comes from elsewhere withholds a strict cookie until a page
            // of this origin asks.
            let text = """
                <!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">\
                <link rel="icon" href="data:,"><title>Studio</title><a href="/">Open the studio</a></html>
                """
            var response = Response.bytes(Data(text.utf8), "text/html; charset=utf-8")
            response.headers[.setCookie] = gate.cookie
            return response
        }
        guard let index = files.all["index.html"] else { return .text("The page is missing.", .notFound) }
        return .bytes(index.data, index.type)
    }

    // MARK: Looking and listening

    private func addLooking(_ router: Router<StudioContext>) {
        router.read("/api/summary") { _ in .json(await session.summary()) }
        router.read("/api/progress") { _ in .json(await session.progress()) }
        router.read("/api/points") { _ in .bytes(await session.points(), "application/octet-stream") }
        router.read("/api/guesses") { _ in
            guard let data = await session.guesses() else {
                throw StudioError("Nothing has been learned yet", isMissing: true)
            }
            return .bytes(data, "application/octet-stream")
        }
        router.read("/api/sound") { request in .json(try await session.sound(try whole(request, "id"))) }
        router.read("/api/cluster") { request in
            .json(try await session.cluster(try whole(request, "number")))
        }
        router.read("/api/spectrogram") { request in
            let stretch = try await session.stretch(
                try whole(request, "id"), from: try request.number("from"), to: try request.number("to"))
            var view = SoundPictures.View()
            view.width = Int(min(max(try request.number("width") ?? 800, 1), 2000))
            view.height = Int(min(max(try request.number("height") ?? 256, 1), 1024))
            view.lowHz = max(0, try request.number("low") ?? 0)
            view.highHz = max(0, try request.number("high") ?? 0)
            view.windowSamples = Int(min(max(try request.number("window") ?? 512, 32), 16_384))
            // Sounds never change under their number.
            return .bytes(
                try pictures.spectrogram(stretch, view), "application/octet-stream", cache: "private, max-age=3600")
        }
        router.read("/api/clip") { request in
            let stretch = try await session.stretch(
                try whole(request, "id"), from: try request.number("from"), to: try request.number("to"))
            let slow = min(max(try request.number("slow") ?? 1, 0.05), 100)
            let lift = min(max(try request.number("lift") ?? 0, 0), 60)
            return .bytes(
                try pictures.wav(stretch, slow: slow, liftDecibels: lift), "audio/wav",
                cache: "private, max-age=3600")
        }
    }

    private func whole(_ request: Request, _ name: String) throws -> Int {
        guard let number = try request.number(name), let whole = Int(exactly: number) else {
            throw StudioError("\(name): give a whole number")
        }
        return whole
    }

    // MARK: Changing

    private struct LabelRequest: Decodable {
        var ids: [Int]?
        var cluster: Int?
        var label: String?
    }

    private struct BoxRequest: Decodable {
        var id: Int64?
        var soundID: Int
        var startSeconds: Double?
        var endSeconds: Double?
        var lowHz: Double?
        var highHz: Double?
        var label: String?
    }

    private struct BoxesAnswer: Encodable {
        var id: Int64
        var boxes: [BoxAnswer]
        var labels: [LabelAnswer]
    }

    private struct NoteRequest: Decodable {
        var cluster: Int
        var note: String
    }

    private struct SoundRequest: Decodable {
        var id: Int
    }

    private func addChanging(_ router: Router<StudioContext>) {
        router.change("/api/label") { request in
            let wanted: LabelRequest = try await request.json(upTo: Routes.longestChangeBytes)
            var ids = wanted.ids ?? []
            if let number = wanted.cluster { ids = try await session.members(ofCluster: number) }
            return .json(try await session.label(ids, as: wanted.label))
        }
        router.change("/api/undo") { _ in .json(try await session.undo()) }
        router.change("/api/redo") { _ in .json(try await session.undo(again: true)) }
        router.change("/api/listened") { request in
            let wanted: SoundRequest = try await request.json()
            return .json(try await session.markListened(wanted.id))
        }
        router.change("/api/note") { request in
            let wanted: NoteRequest = try await request.json()
            try await session.setNote(wanted.note, ofCluster: wanted.cluster)
            return .json(["note": wanted.note])
        }
        router.change("/api/box") { request in
            let wanted: BoxRequest = try await request.json()
            guard let start = wanted.startSeconds, let end = wanted.endSeconds, let label = wanted.label else {
                throw StudioError("An event has a start, an end and a label")
            }
            let box = BoxAnswer(
                id: wanted.id ?? 0, startSeconds: start, endSeconds: end, lowHz: wanted.lowHz,
                highHz: wanted.highHz, label: label)
            let saved = try await session.save(box, nearSound: wanted.soundID)
            return .json(
                BoxesAnswer(id: saved.id, boxes: saved.boxes, labels: await session.summary().labels))
        }
        router.change("/api/box/delete") { request in
            let wanted: BoxRequest = try await request.json()
            let boxes = try await session.removeBox(wanted.id ?? 0, nearSound: wanted.soundID)
            return .json(BoxesAnswer(id: 0, boxes: boxes, labels: await session.summary().labels))
        }
        router.change("/api/corpus") { _ in .json(["said": try await session.saveToCorpus()]) }
    }

    // MARK: Finding, learning, writing

    private struct FindRequest: Decodable {
        var like: [Int]?
        var unlike: [Int]?
        var text: String?
        var label: String?
        var minimum: Double?
        var kind: ProposalKind?
        var count: Int?

        /// How many sounds to give, within reason.
        var limit: Int { min(max(count ?? 60, 1), 5000) }
    }

    private func addFinding(_ router: Router<StudioContext>) {
        router.change("/api/like") { request in
            let wanted: FindRequest = try await request.json()
            return .json(
                try await session.like(wanted.like ?? [], unlike: wanted.unlike ?? [], count: wanted.limit))
        }
        router.change("/api/search") { request in
            let wanted: FindRequest = try await request.json()
            return .json(try await session.search(wanted.text ?? "", count: wanted.limit))
        }
        router.change("/api/propose") { request in
            let wanted: FindRequest = try await request.json()
            return .json(try await session.propose(wanted.kind ?? .mixed, count: wanted.limit))
        }
        router.change("/api/learn") { _ in .json(try await session.learn()) }
        router.change("/api/found") { request in
            let wanted: FindRequest = try await request.json()
            return .json(
                try await session.found(wanted.label ?? "", minimum: wanted.minimum ?? 0.5, count: wanted.limit))
        }
        router.read("/api/export") { request in
            let name = request.uri.queryParameters["format"].map(String.init) ?? ""
            let (events, facts) = try await session.events()
            let export = try LabelExport(events, facts: facts, format: name)
            var response = Response.bytes(export.data, export.type)
            response.headers[.contentDisposition] = "attachment; filename=\"\(export.fileName)\""
            return response
        }
    }
}

extension Router where Context == StudioContext {
    /// Answers a question.
    fileprivate func read(_ path: String, _ answer: @escaping @Sendable (Request) async throws -> Response) {
        get(RouterPath(path)) { request, _ -> Response in try await answer(request) }
    }

    /// Answers something that changes the state or takes time.
    fileprivate func change(_ path: String, _ answer: @escaping @Sendable (Request) async throws -> Response) {
        post(RouterPath(path)) { request, _ -> Response in try await answer(request) }
    }
}
