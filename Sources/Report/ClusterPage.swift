// The page of clusters: a card for each, with its sounds to see and to hear. One HTML file that needs nothing else.
import Audio
import Foundation
import Storage

/// Draws pages of clusters.
public enum ClusterPage {
    /// How large a page may become, in bytes.
    public static let defaultMaximumBytes = 24_000_000

    /// Writes a page to `url`, whole or not at all.
    ///
    /// - Parameters:
    ///   - maximumBytes: when the page is full, sounds are left out first, then pictures. The first sound of every cluster
    ///     comes before the second of any.
    ///   - clip: gives the clip of a cluster by its place: exemplars first, then the rim; nil where it cannot be read.
    public static func write(
        _ content: ClusterPageContent, to url: URL, maximumBytes: Int = defaultMaximumBytes,
        clip: (_ group: Int, _ place: Int) throws -> ClusterPageContent.Clip?
    ) throws {
        try AtomicFile.write(html(content, maximumBytes: maximumBytes, clip: clip), to: url)
    }

    /// The page.
    public static func html(
        _ content: ClusterPageContent, maximumBytes: Int = defaultMaximumBytes,
        clip: (_ group: Int, _ place: Int) throws -> ClusterPageContent.Clip?
    ) throws -> String {
        var figures = content.groups.map {
            [String?](repeating: nil, count: $0.exemplarCount + $0.rimCount)
        }
        var used = 100_000
        let most = content.groups.map { $0.exemplarCount + $0.rimCount }.max() ?? 0
        var silent = 0
        for place in 0..<most {
            for (index, group) in content.groups.enumerated() where place < figures[index].count {
                guard used < maximumBytes, let clip = try clip(index, place) else { continue }
                let isRim = place >= group.exemplarCount
                var figure = try self.figure(clip, isRim: isRim, withSound: true)
                if used + figure.utf8.count > maximumBytes * 3 / 4 {
                    figure = try self.figure(clip, isRim: isRim, withSound: false)
                    silent += 1
                }
                used += figure.utf8.count
                figures[index][place] = figure
            }
        }
        var content = content
        if silent > 0 {
            content.notes.append(
                "\(silent) sounds are shown without sound, so that the page does not become too large.")
        }
        let map = content.points.isEmpty ? "" : try self.map(content)
        let cards = content.groups.enumerated().map { card($1, figures[$0]) }
        let notes = content.notes.map { "<li>\(Markup.escaped($0))</li>" }.joined()
        let head = ReportPage.head(
            title: content.title, summary: content.summary, facts: content.facts, style: ClusterPageStyle.text,
            media: "data:")
        return """
            \(head)
            \(map)
            <section aria-labelledby="groups-title"><h2 id="groups-title">Clusters</h2>
            <p class="soft">Click a picture, or press Enter on it, to hear the sound. The bright part between the lines is the
            sound itself. Sounds at the rim belong least: they tell where a cluster ends.</p>
            <div class="cards">
            \(cards.joined(separator: "\n"))
            </div></section>
            \(notes.isEmpty ? "" : ReportPage.section("notes", "Notes", "<ul>\(notes)</ul>"))
            </main><script>\(ClusterPageStyle.script)</script></body></html>

            """
    }

    // MARK: Parts

    private static func card(_ group: ClusterPageContent.Group, _ figures: [String?]) -> String {
        let name = group.note.isEmpty ? "Cluster \(group.number)" : "\(group.number): \(Markup.escaped(group.note))"
        var lines = [
            """
            <article class="card" id="g\(group.number)" aria-labelledby="g\(group.number)-title">
            <h3 id="g\(group.number)-title"><span class="dot" style="background:\(color(group.number).css)"></span>\(name) \
            <small>\(group.size) \(group.size == 1 ? "sound" : "sounds")</small></h3>
            """
        ]
        if !group.labels.isEmpty {
            let total = max(1, group.labels.reduce(0) { $0 + $1.count })
            let shown = group.labels.prefix(5).map { share in
                let percent = NumberText.fixed(100 * Double(share.count) / Double(total), digits: 0)
                return """
                    <li><span class="bar" style="width:\(percent)%"></span><b>\(Markup.escaped(share.label))</b> \
                    <small>\(share.count)</small></li>
                    """
            }
            let others = group.labels.count > 5 ? "<li><small>and \(group.labels.count - 5) more</small></li>" : ""
            lines.append("<ul class=\"labels\" aria-label=\"Labels\">\(shown.joined())\(others)</ul>")
        }
        let exemplars = figures.prefix(group.exemplarCount).compactMap(\.self)
        lines.append("<div class=\"clips\">\(exemplars.joined())</div>")
        let rim = figures.dropFirst(group.exemplarCount).compactMap(\.self)
        if !rim.isEmpty {
            lines.append("<p class=\"soft small\">At the rim</p><div class=\"clips rim\">\(rim.joined())</div>")
        }
        if !group.hours.isEmpty { lines.append(hours(group.hours)) }
        var facts: [String] = []
        if let purity = group.purity { facts.append("purity \(NumberText.fixed(purity, digits: 2))") }
        if let silhouette = group.silhouette {
            facts.append("silhouette \(NumberText.fixed(silhouette, digits: 2))")
        }
        if !group.neighbours.isEmpty {
            facts.append("close to " + group.neighbours.map { "<a href=\"#g\($0)\">\($0)</a>" }.joined(separator: ", "))
        }
        lines.append("<p class=\"soft small\">\(facts.joined(separator: " · "))</p></article>")
        return lines.joined(separator: "\n")
    }

    private static func figure(
        _ clip: ClusterPageContent.Clip, isRim: Bool, withSound: Bool
    ) throws(AudioError) -> String {
        var configuration = Spectrogram.Configuration()
        (configuration.width, configuration.height, configuration.levelCount) = (150, 84, 24)
        // Enough detail in time for a note of 50 ms, enough in frequency for a song of 6 s.
        configuration.windowSeconds = min(0.032, max(64 / clip.rateHz, Double(clip.samples.count) / clip.rateHz / 40))
        let spectrogram = Spectrogram(samples: clip.samples, rateHz: clip.rateHz, configuration)
        let png = try PNGImage.encode(width: spectrogram.width, height: spectrogram.height, rgb: spectrogram.rgb())
        let seconds = max(1e-9, Double(clip.samples.count) / clip.rateHz)
        let left = NumberText.fixed(100 * clip.startSeconds / seconds, digits: 1)
        let right = NumberText.fixed(100 * (1 - clip.endSeconds / seconds), digits: 1)
        let label = clip.label.isEmpty ? "" : ", labelled \(clip.label)"
        let name = Markup.escaped("\(clip.caption)\(label)")
        var sound = ""
        if withSound {
            let playable = try PlayableSound(samples: clip.samples, rateHz: clip.rateHz)
            sound = " data-sound=\"\(Markup.dataURI("audio/flac", playable.flac))\""
        }
        return """
            <button type="button" class="clip" title="\(name)" aria-label="\(withSound ? "Play" : "Picture of") \(name)"\
            \(sound)><img alt="" width="150" height="84" src="\(Markup.dataURI("image/png", png))">\
            <i style="left:0;width:\(left)%"></i><i style="right:0;width:\(right)%"></i>\
            <span>\(Markup.escaped(clip.label))</span></button>
            """
    }

    private static func hours(_ counts: [Int]) -> String {
        let most = Double(max(1, counts.max() ?? 1))
        let bars = counts.enumerated().map { hour, count in
            let height = 30 * Double(count) / most
            return
                "<rect x=\"\(hour * 8)\" y=\"\(Markup.coordinate(30 - height))\" width=\"7\" height=\"\(Markup.coordinate(height))\"><title>\(hour) h: \(count)</title></rect>"
        }
        let marks = [0, 6, 12, 18].map { "<text x=\"\($0 * 8)\" y=\"42\">\($0) h</text>" }
        return """
            <svg class="hours" viewBox="0 0 192 46" role="img" aria-label="Sounds by hour of the day">\(bars.joined())\
            \(marks.joined())</svg>
            """
    }

    /// Every sound as a dot in the colour of its cluster.
    private static func map(_ content: ClusterPageContent) throws(AudioError) -> String {
        let size = 720
        var rgb = [UInt8](repeating: 20, count: size * size * 3)
        let colors = Dictionary(content.groups.map { ($0.number, color($0.number)) }, uniquingKeysWith: { a, _ in a })
        let radius = content.points.count > 20_000 ? 0 : 1
        for point in content.points where point.x.isFinite && point.y.isFinite {
            guard let color = colors[point.group] else { continue }
            let column = Int((Float(size - 9) * (point.x + 1) / 2).rounded()) + 4
            let row = Int((Float(size - 9) * (1 - point.y) / 2).rounded()) + 4
            for y in row - radius...row + radius {
                for x in column - radius...column + radius where (0..<size).contains(x) && (0..<size).contains(y) {
                    let place = (y * size + x) * 3
                    (rgb[place], rgb[place + 1], rgb[place + 2]) = (color.red, color.green, color.blue)
                }
            }
        }
        let png = try PNGImage.encode(width: size, height: size, rgb: rgb)
        return ReportPage.section(
            "map", "Map",
            """
            <p class="soft">Every dot is a sound; dots that lie close together sound alike. The colours are those of the
            clusters below.</p><img class="map" width="\(size)" height="\(size)" \
            alt="Map of \(content.points.count) sounds in \(content.groups.count) clusters" \
            src="\(Markup.dataURI("image/png", png))">
            """)
    }

    /// Hues by the golden section: neighbours in number are far apart in colour.
    static func color(_ number: Int) -> (red: UInt8, green: UInt8, blue: UInt8, css: String) {
        let hue = (Double(number) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1) * 6
        let lightness = [0.62, 0.5, 0.74][number % 3]
        let chroma = (1 - abs(2 * lightness - 1)) * 0.8
        let second = chroma * (1 - abs(hue.truncatingRemainder(dividingBy: 2) - 1))
        let base = lightness - chroma / 2
        let parts: (Double, Double, Double) =
            switch Int(hue) {
            case 0: (chroma, second, 0)
            case 1: (second, chroma, 0)
            case 2: (0, chroma, second)
            case 3: (0, second, chroma)
            case 4: (second, 0, chroma)
            default: (chroma, 0, second)
            }
        func byte(_ value: Double) -> UInt8 { UInt8(min(255, max(0, (255 * (value + base)).rounded()))) }
        let (red, green, blue) = (byte(parts.0), byte(parts.1), byte(parts.2))
        return (red, green, blue, "rgb(\(red),\(green),\(blue))")
    }
}

/// Style and behaviour of the page of clusters, beside those of reports.
enum ClusterPageStyle {
    static let text = """
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:1rem}
        .card{border:1px solid var(--rule);border-radius:8px;padding:.8rem 1rem;background:var(--back);min-width:0}
        .card:target{outline:3px solid var(--link)}
        .card h3 small{font-weight:400}
        .dot{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.45em}
        .labels{list-style:none;margin:.5rem 0;padding:0;font-size:.9rem}
        .labels li{position:relative;padding:.05rem .4rem;margin:.1rem 0}
        .labels .bar{position:absolute;inset:0 auto 0 0;background:var(--ground);border-radius:3px;z-index:0}
        .labels b,.labels small{position:relative}
        .clips{display:grid;grid-template-columns:repeat(4,1fr);gap:4px}
        .clip{position:relative;display:block;padding:0;border:2px solid transparent;border-radius:4px;background:none;
        cursor:pointer;overflow:hidden;line-height:0;min-width:0}
        .clip:not([data-sound]){cursor:default}
        .clip img{width:100%;height:auto}
        .clip i{position:absolute;top:0;bottom:0;background:rgba(0,0,0,.45)}
        .clip span{position:absolute;left:3px;top:2px;color:#fff;font:600 12px/1.2 system-ui,sans-serif;
        text-shadow:0 0 3px #000,0 0 3px #000}
        .clip:hover[data-sound],.clip:focus-visible{border-color:var(--link)}
        .clip.playing{border-color:var(--found)}
        .small{font-size:.85rem;margin:.5rem 0 .2rem}
        .hours{display:block;width:100%;max-width:300px;margin-top:.5rem;fill:var(--true)}
        .hours text{font:9px system-ui,sans-serif;fill:var(--soft)}
        .map{max-width:100%;height:auto;border-radius:8px;image-rendering:auto}
        """

    static let script = """
        (() => {
        let player = null, button = null;
        function stop() {
          if (player) player.pause();
          if (button) { button.classList.remove('playing'); button.removeAttribute('aria-pressed'); }
          player = button = null;
        }
        document.addEventListener('click', event => {
          const clip = event.target.closest('.clip[data-sound]');
          if (!clip) return;
          const again = clip === button;
          stop();
          if (again) return;
          button = clip;
          player = new Audio(clip.dataset.sound);
          clip.classList.add('playing');
          clip.setAttribute('aria-pressed', 'true');
          player.addEventListener('ended', stop);
          player.play().catch(stop);
        });
        document.addEventListener('keydown', event => { if (event.key === 'Escape') stop(); });
        })();
        """
}
