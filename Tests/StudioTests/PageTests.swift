import Foundation
import Studio
import Testing

/// The page in a real browser. One after another: each browser wants a processor.
@Suite(.serialized, .enabled(if: Browser.program != nil, "needs Debian's package chromium"))
struct `The page of the studio` {
    /// Where screenshots go to be looked at; nowhere unless STUDIO_PICTURES names a folder.
    private func keep(_ browser: Browser, _ name: String) async throws {
        guard let folder = ProcessInfo.processInfo.environment["STUDIO_PICTURES"] else { return }
        try await browser.screenshot().write(to: URL(fileURLWithPath: folder).appending(path: "\(name).png"))
    }

    @Test func `A first look in both sizes`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let browser = try await Browser.start()
            try await browser.visit(studio.url)
            try await keep(browser, "wide")
            try await browser.run("document.querySelector('#map-canvas').focus()")
            try await browser.press("ArrowRight")
            try await browser.wait("document.querySelector('#sound-title').textContent.includes('.wav')")
            try await Task.sleep(for: .milliseconds(600))
            try await keep(browser, "wide-sound")
            #expect(browser.problems.isEmpty, "\(browser.problems)")
            try await offPool { try browser.setSize(width: 390, height: 844) }
            try await Task.sleep(for: .milliseconds(600))
            try await keep(browser, "phone-sound")
            await studio.stop()
        }
    }
}
