import Foundation
import Studio
import Testing

/// The page in a real browser. One after another: each browser wants a processor.
@Suite(.serialized, .enabled(if: Browser.program != nil, "needs Debian's package chromium"))
struct `The page of the studio` {
    /// Where screenshots go to be looked at; nowhere unless STUDIO_PICTURES names a folder.
    private func keep(_ browser: Browser, _ name: String) async throws {
        guard let folder = ProcessInfo.processInfo.environment["STUDIO_PICTURES"] else { return }
        try await Task.sleep(for: .milliseconds(700))
        try await browser.screenshot().write(to: URL(fileURLWithPath: folder).appending(path: "\(name).png"))
    }

    private func labelled(_ studio: RunningStudio) async throws -> Int {
        struct Progress: Decodable { var labelled: Int }
        return try JSONDecoder().decode(Progress.self, from: try await studio.get("/api/progress").body).labelled
    }

    private struct Boxes: Decodable {
        var boxes: [Box]
    }

    private struct Box: Decodable {
        var startSeconds: Double
        var endSeconds: Double
        var lowHz: Double?
        var highHz: Double?
        var label: String
    }

    /// The events near sound 5, as they are on the disk.
    /// The first box, once it is stored as expected; as it is after five seconds.
    private func box(_ studio: RunningStudio, when isExpected: (Box) -> Bool) async throws -> Box {
        for _ in 0..<100 {
            if let box = try await boxes(studio).first, isExpected(box) { return box }
            try await Task.sleep(for: .milliseconds(50))
        }
        return try await boxes(studio)[0]
    }

    private func boxes(_ studio: RunningStudio) async throws -> [Box] {
        let sound = try await studio.get("/api/sound?id=5")
        return try JSONDecoder().decode(Boxes.self, from: sound.body).boxes
    }

    /// The corners of a line around all dots of one kind, in pixels of the window.
    private func outline(_ browser: Browser, kind: Int) async throws -> [(x: Double, y: Double)] {
        let box: [Double] = try await browser.value(
            """
            (() => { const s = studio.state, c = document.querySelector('#map-canvas').getBoundingClientRect();
            const scale = Math.min(c.width, c.height) / 2.1; let b = [1e9, 1e9, -1e9, -1e9];
            for (let i = \(kind); i < s.count; i += 3) { const x = c.x + c.width / 2 + s.x[i] * scale, y = c.y + c.height / 2 - s.y[i] * scale;
            b = [Math.min(b[0], x), Math.min(b[1], y), Math.max(b[2], x), Math.max(b[3], y)]; } return b; })()
            """)
        let (left, top, right, bottom) = (box[0] - 12, box[1] - 12, box[2] + 12, box[3] + 12)
        return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top + 2)]
    }

    @Test func `Open, search, lasso, label, undo, learn, find and export`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let browser = try await Browser.start()
            try await browser.visit(studio.url)
            // A lasso by mouse around each heap, and a label typed for all in it.
            for (kind, name) in StudioFixture.kinds.enumerated() {
                try await browser.click("#map-lasso")
                try await browser.drag(outline(browser, kind: kind))
                try await browser.wait("studio.state.selection.size === 30")
                if kind == 0 { try await keep(browser, "lasso") }
                try await browser.run("document.querySelector('#label-text').focus()")
                try await browser.type(name)
                try await browser.press("Enter")
                try await browser.wait("studio.state.label[\(kind)] === \(kind)")
                #expect(try await labelled(studio) == 30 * (kind + 1))
                try await browser.press("Escape")
            }
            // Undo by key, again and again; redo one.
            for left in [60, 30, 0] {
                try await browser.press("u")
                try await browser.wait("studio.state.summary.progress.labelled === \(left)")
                #expect(try await labelled(studio) == left)
            }
            try await browser.press("U", shift: true)
            try await browser.wait("studio.state.summary.progress.labelled === 30")
            try await browser.press("u")
            try await browser.wait("studio.state.summary.progress.labelled === 0")
            // Search by a part of a recording's name; label by keys down the list: 3 of each kind.
            try await browser.press("/")
            try await browser.type("050001")
            try await browser.press("Enter")
            try await browser.wait("studio.state.list.ids.length === 15")
            try await browser.press("Escape")
            for place in 0..<9 {
                try await browser.press("j")
                try await browser.wait("studio.state.current === \(15 + place)")
                if place < 3 {
                    // The names are known from before; the keys are those of their order.
                    try await browser.run("document.querySelector('#label-text').focus()")
                    try await browser.type(StudioFixture.kinds[place % 3])
                    try await browser.press("Enter")
                } else {
                    try await browser.press("\(place % 3 + 1)")
                }
                try await browser.wait("studio.state.label[\(15 + place)] >= 0")
                try await browser.press("k")
                try await browser.wait("studio.state.current === \(15 + place)")
            }
            #expect(try await labelled(studio) == 9)
            // Learn, look at what it finds, and take a proposal.
            try await browser.press("r")
            try await browser.wait("studio.state.prediction !== null")
            let right: Int = try await browser.value(
                "studio.state.prediction.reduce((sum, code, id) => sum + (code === id % 3 ? 1 : 0), 0)")
            #expect(right >= 88)
            try await browser.click("#tab-labels")
            try await keep(browser, "learned")
            try await browser.click("#labels tbody tr:nth-child(2) button:nth-of-type(2)")
            try await browser.wait("studio.state.list.kind === 'found' && studio.state.list.ids.length > 20")
            #expect(try await browser.value("studio.state.list.ids.every((id) => id % 3 === 1)", as: Bool.self))
            try await browser.press("Escape")
            try await browser.press("p")
            try await browser.wait("studio.state.list.kind === 'proposals' && studio.state.list.ids.length === 20")
            try await browser.press("m")
            try await browser.wait("studio.state.list.kind === 'like' && studio.state.list.ids.length > 20")
            try await keep(browser, "like")
            // Export from the dialog.
            try await browser.click("#export-open")
            try await browser.wait("document.querySelector('#export').open")
            let exported: String = try await browser.value(
                "fetch(document.querySelector('#export-get').href).then((r) => r.text())")
            #expect(exported.split(separator: "\n").count == 10 && exported.hasPrefix("file,start_seconds"))
            try await browser.press("Escape")
            #expect(browser.problems.isEmpty, "\(browser.problems)")
            await studio.stop()
        }
    }

    @Test func `Cards show what is in a cluster, and a whole cluster gets a label at once`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let browser = try await Browser.start()
            try await browser.visit(studio.url)
            #expect(try await browser.value("document.querySelectorAll('.card').length", as: Int.self) == 3)
            #expect(try await browser.value("document.querySelectorAll('.card .strip').length", as: Int.self) == 12)
            try await browser.click("#cluster-1 .head button")
            try await browser.wait("document.querySelectorAll('#cluster-1 .histograms svg').length === 2")
            let words: String = try await browser.value(
                "document.querySelector('#cluster-1 .histograms svg').getAttribute('aria-label')")
            #expect(words == "Hours of the day: 5:00 30")
            try await browser.click("#cluster-1 .strip")
            try await browser.wait("studio.state.cluster[studio.state.current] === 1")
            try await browser.press("s")
            try await browser.wait("document.querySelector('input[value=cluster]').checked")
            try await browser.press("l")
            try await browser.type("kind one")
            try await browser.press("Enter")
            try await browser.wait("studio.state.summary.progress.labelled === 30")
            #expect(try await labelled(studio) == 30)
            let isWhole: Bool = try await browser.value(
                "studio.state.label.every((label, id) => (label === 0) === (studio.state.cluster[id] === 1))")
            #expect(isWhole)
            try await browser.wait(
                "document.querySelector('#cluster-1 .labels').textContent === 'kind one 30 · 100 % labelled'")
            try await keep(browser, "cluster")
            #expect(browser.problems.isEmpty, "\(browser.problems)")
            await studio.stop()
        }
    }

    @Test func `Events are drawn by mouse and by keyboard, and the sound plays`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let browser = try await Browser.start()
            try await browser.visit(studio.url)
            try await browser.run("studio.choose(5)")
            try await browser.wait("document.querySelector('#sound-title').textContent.includes('3.10')")
            try await browser.press("b")
            let frame: [Double] = try await browser.value(
                "(() => { const r = document.querySelector('#boxes').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()"
            )
            func place(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
                (frame[0] + x * frame[2], frame[1] + y * frame[3])
            }
            try await browser.drag([place(0.2, 0.25), place(0.4, 0.5), place(0.8, 0.75)])
            // What is still being drawn has no number, and cannot be taken hold of.
            try await browser.wait("document.querySelectorAll('.box[data-id]').length === 1")
            var saved = try await boxes(studio)[0]
            // The view goes from 0.12 s before the sound (3.1 to 3.4 s) to 0.12 s after it, and from 0 to 8 kHz.
            #expect(abs(saved.startSeconds - 3.088) < 0.01 && abs(saved.endSeconds - 3.412) < 0.01)
            #expect(abs(saved.lowHz! - 2000) < 60 && abs(saved.highHz! - 6000) < 60 && saved.label == "call")
            // Its right edge by mouse, its place by keys, its label by typing.
            try await browser.press("Escape")
            try await browser.drag([place(0.8, 0.5), place(0.85, 0.5), place(0.9, 0.5)])
            saved = try await box(studio) { abs($0.endSeconds - 3.466) < 0.012 }
            #expect(abs(saved.startSeconds - 3.088) < 0.01 && abs(saved.endSeconds - 3.466) < 0.012)
            try await browser.run("document.querySelector('.box:not(.unit)').focus()")
            // So slowly that an answer about the first keys comes between the later ones: it must not take those back.
            for key in 0..<5 {
                try await browser.press("ArrowLeft")
                if key == 2 { try await Task.sleep(for: .milliseconds(405)) }
            }
            let moved = try await box(studio) { abs($0.startSeconds - 3.061) < 0.012 }
            #expect(abs(moved.startSeconds - 3.061) < 0.012)
            try await keep(browser, "boxes")
            try await browser.run("document.querySelector('.box:not(.unit)').focus()")
            try await browser.press("Delete")
            try await browser.wait("document.querySelectorAll('.box:not(.unit)').length === 0")
            #expect(try await boxes(studio).isEmpty)
            try await browser.press("u")
            try await browser.wait("document.querySelectorAll('.box:not(.unit)').length === 1")
            // An onset and end at the sound, by keyboard alone.
            try await browser.run("document.querySelector('#spectrogram-canvas').focus()")
            try await browser.press("n")
            try await browser.wait("document.querySelectorAll('.box.span').length === 1")
            let drawn = try await boxes(studio)
            let span = try #require(drawn.first { $0.lowHz == nil })
            #expect(abs(span.startSeconds - 3.1) < 1e-6 && abs(span.endSeconds - 3.4) < 1e-6)
            // Zooming asks for another stretch; listening counts.
            try await browser.run("document.querySelector('#spectrogram-canvas').focus()")
            try await browser.press("=")
            try await browser.press("]")
            try await browser.press(" ")
            try await browser.wait("studio.state.flags[5] & 1")
            #expect(try await studio.get("/api/progress").text.contains("\"listened\":1"))
            #expect(browser.problems.isEmpty, "\(browser.problems)")
            await studio.stop()
        }
    }

    @Test func `It can be worked by keyboard alone, names everything for screen readers, and fits a telephone`()
        async throws
    {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let browser = try await Browser.start(width: 390, height: 844)
            try await browser.visit(studio.url)
            try await keep(browser, "phone-map")
            let unnamed: [String] = try await browser.value(
                """
                [...document.querySelectorAll('button, input, select, canvas[tabindex], [role]')].filter((e) => !(e.textContent.trim()
                || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length || e.id === 'live' || e.getAttribute('role') === 'note' || e.id === 'export-state'
                || e.id === 'palette')).map((e) => e.outerHTML.slice(0, 80))
                """)
            #expect(unnamed.isEmpty, "\(unnamed)")
            #expect(
                try await browser.value("document.querySelectorAll('[aria-live=polite]').length", as: Int.self) == 1)
            for view in ["map", "sound", "browse"] {
                try await browser.click("#views [data-view=\(view)]")
                #expect(
                    try await browser.value("document.documentElement.scrollWidth <= innerWidth", as: Bool.self),
                    "\(view)")
            }
            try await browser.click("#views [data-view=map]")
            // From the top by Tab alone to the map, into it, and to a label.
            var reached = false
            for _ in 0..<40 where !reached {
                try await browser.press("Tab")
                reached = try await browser.value("document.activeElement.id === 'map-canvas'")
            }
            #expect(reached)
            try await browser.press("ArrowRight")
            try await browser.wait(
                "document.body.dataset.view === 'sound' && document.querySelector('#sound-title').textContent.includes('.wav')"
            )
            try await keep(browser, "phone-sound")
            try await browser.press("l")
            try await browser.type("heard")
            try await browser.press("Enter")
            try await browser.wait("studio.state.label[studio.state.current] === 0")
            #expect(
                try await browser.value("document.querySelector('#live').textContent.includes('heard')", as: Bool.self))
            #expect(try await labelled(studio) == 1)
            try await browser.run("document.querySelector('#theme').click()")
            try await keep(browser, "phone-dark")
            #expect(browser.problems.isEmpty, "\(browser.problems)")
            await studio.stop()
        }
    }
}
