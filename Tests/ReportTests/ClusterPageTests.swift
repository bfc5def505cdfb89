import Foundation
import Report
import TestSupport
import Testing

@Suite struct ClusterPageTests {
    private func content(_ groups: Int) -> ClusterPageContent {
        var content = ClusterPageContent(title: "Two <b> clusters")
        content.groups = (0..<groups).map {
            .init(
                number: $0, size: 10 - $0, labels: [.init("wren & co", 7), .init("robin", 2)], purity: 0.78,
                silhouette: 0.5, hours: Array(0..<24), neighbours: [1 - $0 % 2], exemplarCount: 3, rimCount: 1)
        }
        content.points = [.init(x: -1, y: -1, group: 0), .init(x: 1, y: 1, group: 1)]
        return content
    }

    private func clip(_ group: Int, _ place: Int) -> ClusterPageContent.Clip? {
        place == 2
            ? nil
            : .init(
                caption: "a<\(group)>.wav, \(place) s", label: "wren",
                samples: syntheticSong(frames: 4000, rateHz: 8000),
                rateHz: 8000, startSeconds: 0.1, endSeconds: 0.4)
    }

    @Test func `Every cluster has a card with pictures and sound, and text never becomes markup`() throws {
        let html = try ClusterPage.html(content(2), clip: clip)
        #expect(html.components(separatedBy: "<article").count == 3)
        #expect(html.components(separatedBy: "data:audio/flac").count == 7)
        #expect(html.components(separatedBy: "data:image/png").count == 8)
        #expect(html.contains("Two &lt;b&gt; clusters") && html.contains("wren &amp; co"))
        #expect(!html.contains("a<0>") && html.contains("default-src 'none'"))
        #expect(!html.contains("http://") && !html.contains("https://"))
    }

    @Test func `A page that becomes too large loses sounds first, those of the first exemplars last`() throws {
        let whole = try ClusterPage.html(content(12), clip: clip)
        let limit = 100_000 + (whole.utf8.count - 60_000) / 2
        let html = try ClusterPage.html(content(12), maximumBytes: limit, clip: clip)
        #expect(html.utf8.count < limit + 60_000)
        let cards = html.components(separatedBy: "<article").dropFirst()
        #expect(cards.allSatisfy { $0.contains("data:image/png") })
        #expect(html.contains("shown without sound"))
    }
}
