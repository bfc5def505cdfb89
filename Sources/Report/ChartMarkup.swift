// Line charts as SVG. Lines differ by dash as well as by colour.
import Foundation

/// Draws one chart.
struct ChartMarkup {
    private static let width = 460.0
    private static let height = 270.0
    private static let left = 56.0
    private static let right = 12.0
    private static let top = 12.0
    private static let bottom = 46.0
    private static let maximumPoints = 300
    /// How many lines have a style of their own.
    private static let styleCount = 4

    private let chart: Chart
    private let lines: [Chart.Line]
    private let xRange: ClosedRange<Double>
    private let yRange: ClosedRange<Double>

    /// Nil if there is nothing to draw.
    init?(_ chart: Chart) {
        let lines = chart.lines.map { line in
            Chart.Line(line.name, ChartMarkup.thinned(line.points.filter { $0.x.isFinite && $0.y.isFinite }))
        }.filter { !$0.points.isEmpty }
        let points = lines.flatMap(\.points)
        guard let x = ChartMarkup.range(points.map(\.x)), let y = ChartMarkup.range(points.map(\.y)) else { return nil }
        self.chart = chart
        self.lines = lines
        xRange = x.lowerBound == x.upperBound ? x.lowerBound - 0.5...x.upperBound + 0.5 : x
        // The axis begins at zero unless that would flatten the lines.
        let length = max(y.upperBound - y.lowerBound, abs(y.upperBound) * 0.02, 1e-9)
        let low = y.lowerBound >= 0 && y.lowerBound < 0.5 * y.upperBound ? 0 : y.lowerBound - 0.06 * length
        yRange = low...y.upperBound + 0.06 * length
    }

    /// The figure with heading, drawing, legend and table.
    func markup() -> String {
        let title = Markup.escaped(chart.title)
        let last = lines.map { "\($0.name) ends at \(NumberText.short($0.points[$0.points.count - 1].y))" }
        let description = Markup.escaped("\(chart.title). \(last.joined(separator: ", ")).")
        let size = "\(number(ChartMarkup.width)) \(number(ChartMarkup.height))"
        return """
            <figure class="chart"><figcaption>\(title)</figcaption>
            <svg viewBox="0 0 \(size)" role="img" aria-label="\(description)" data-points="\(Markup.escaped(data()))" \
            data-x="\(Markup.escaped(chart.xLabel))">
            \(axes())
            \(lines.indices.map(line).joined(separator: "\n"))
            <line class="hair" x1="-9" x2="-9" y1="\(number(ChartMarkup.top))" y2="\(number(ChartMarkup.height - ChartMarkup.bottom))"/>
            </svg>
            <ul class="legend">\(lines.indices.map(legend).joined())</ul>
            <output class="reading" aria-hidden="true"></output>
            <details><summary>As a table</summary>\(table())</details></figure>
            """
    }

    private func axes() -> String {
        var parts: [String] = []
        let (left, right) = (ChartMarkup.left, ChartMarkup.width - ChartMarkup.right)
        let bottom = ChartMarkup.height - ChartMarkup.bottom
        let yTicks = AxisTicks(yRange, atMost: 6)
        for value in yTicks.values {
            parts.append("<path class=\"grid\" d=\"M\(number(left)) \(number(y(value)))H\(number(right))\"/>")
            parts.append(
                "<text class=\"mark\" x=\"\(number(left - 6))\" y=\"\(number(y(value) + 4))\" text-anchor=\"end\">\(yTicks.text(value))</text>"
            )
        }
        let xTicks = AxisTicks(xRange, atMost: 7)
        for value in xTicks.values {
            let place = number(x(value))
            parts.append("<path class=\"tick\" d=\"M\(place) \(number(bottom))v5\"/>")
            parts.append(
                "<text class=\"mark\" x=\"\(place)\" y=\"\(number(bottom + 18))\" text-anchor=\"middle\">\(ChartMarkup.thousands(xTicks.text(value)))</text>"
            )
        }
        parts.append("<path class=\"tick\" d=\"M\(number(left)) \(number(bottom))H\(number(right))\"/>")
        parts.append(
            "<text class=\"axis-name\" x=\"\(number((left + right) / 2))\" y=\"\(number(bottom + 38))\" text-anchor=\"middle\">\(Markup.escaped(chart.xLabel))</text>"
        )
        let middle = (ChartMarkup.top + bottom) / 2
        parts.append(
            "<text class=\"axis-name\" transform=\"translate(13 \(number(middle))) rotate(-90)\" text-anchor=\"middle\">\(Markup.escaped(chart.yLabel))</text>"
        )
        return parts.joined(separator: "\n")
    }

    private func line(_ index: Int) -> String {
        let points = lines[index].points
        let style = "line line\(index % ChartMarkup.styleCount)"
        let places = points.map { "\(number(x($0.x))) \(number(y($0.y)))" }
        var result = "<path class=\"\(style)\" d=\"M\(places.joined(separator: "L"))\"/>"
        if points.count <= 12 {
            result += points.map {
                "<circle class=\"dot\(index % ChartMarkup.styleCount)\" cx=\"\(number(x($0.x)))\" cy=\"\(number(y($0.y)))\" r=\"2.8\"/>"
            }.joined()
        }
        return result
    }

    private func legend(_ index: Int) -> String {
        """
        <li><svg width="30" height="10" aria-hidden="true"><path class="line line\(index % ChartMarkup.styleCount)" \
        d="M1 5H29"/></svg>\(Markup.escaped(lines[index].name))</li>
        """
    }

    private func table() -> String {
        var rows: [String] = []
        for line in lines {
            let step = max(1, line.points.count / 10)
            let points = line.points.indices.filter { $0 % step == 0 || $0 == line.points.count - 1 }
            rows += points.map {
                """
                <tr><td>\(Markup.escaped(line.name))</td><td class="n">\(NumberText.short(line.points[$0].x))</td>\
                <td class="n">\(NumberText.short(line.points[$0].y))</td></tr>
                """
            }
        }
        return """
            <div class="wide"><table><thead><tr><th scope="col">Line</th><th scope="col">\(Markup.escaped(chart.xLabel))</th>\
            <th scope="col">\(Markup.escaped(chart.yLabel))</th></tr></thead><tbody>\(rows.joined())</tbody></table></div>
            """
    }

    /// What the pointer reads: name, then x in the drawing, x and y of every point.
    private func data() -> String {
        let texts = lines.map { line in
            let points = line.points.map {
                "[\(number(x($0.x))),\"\(NumberText.short($0.x))\",\"\(NumberText.short($0.y))\"]"
            }
            return "{\"name\":\(ChartMarkup.quoted(line.name)),\"points\":[\(points.joined(separator: ","))]}"
        }
        return "[\(texts.joined(separator: ","))]"
    }

    private func x(_ value: Double) -> Double {
        let span = ChartMarkup.width - ChartMarkup.left - ChartMarkup.right
        return ChartMarkup.left + span * (value - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound)
    }

    private func y(_ value: Double) -> Double {
        let span = ChartMarkup.height - ChartMarkup.top - ChartMarkup.bottom
        return ChartMarkup.top + span * (yRange.upperBound - value) / (yRange.upperBound - yRange.lowerBound)
    }

    private func number(_ value: Double) -> String { Markup.coordinate(value) }

    private static func range(_ values: [Double]) -> ClosedRange<Double>? {
        guard let low = values.min(), let high = values.max() else { return nil }
        return low...high
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }
        var result = ""
        for scalar in plain {
            if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
            result.unicodeScalars.append(scalar)
        }
        return "\"\(result)\""
    }

    private static func thousands(_ text: String) -> String {
        text.count >= 5 && text.hasSuffix("000") && !text.contains(".") ? text.dropLast(3) + "k" : text
    }

    /// The lowest and the highest of neighbouring points, so that peaks stay.
    private static func thinned(_ points: [Chart.Point]) -> [Chart.Point] {
        guard points.count > maximumPoints else { return points }
        let groupSize = Double(points.count) / Double(maximumPoints / 2)
        let inner = (0..<maximumPoints / 2).flatMap { group in
            let indices = Int(Double(group) * groupSize)..<min(points.count, Int(Double(group + 1) * groupSize))
            let low = indices.min { points[$0].y < points[$1].y }!
            let high = indices.max { points[$0].y < points[$1].y }!
            return [min(low, high), max(low, high)].map { points[$0] }
        }
        return [points[0]] + inner + [points[points.count - 1]]
    }
}
