// A description may have been edited or made up. Nothing in it may lead to a trap or to more memory than its weights need.
import Labels
import Models

extension ModelDescription {
    /// What no model can have, one line per fault with the path of the setting.
    public func faults() -> [String] {
        var check = Check()
        if formatVersion < 1 { check.faults.append("formatVersion: at least 1 is expected, found \(formatVersion)") }
        check.frontEnd(encoder.frontEnd)
        check.encoder(encoder)
        check.options(encoder)
        check.head(head, encoder)
        if sampleRateHz != encoder.frontEnd.sampleRateHz {
            check.faults.append(
                "sampleRateHz: is \(sampleRateHz), but encoder.frontEnd.sampleRateHz is "
                    + "\(encoder.frontEnd.sampleRateHz); they must be the same")
        }
        check.number("windowSeconds", windowSeconds, 0.001...3600)
        check.number("firstFrameCentreSeconds", firstFrameCentreSeconds, -1...1)
        if Set(classes).count != classes.count { check.faults.append("classes: a name occurs twice") }
        check.count("classes", classes.count, 0...100_000)
        if kind == .frameClassifier, classes.isEmpty {
            check.faults.append("classes: a frameClassifier needs at least one")
        }
        check.faults += decoding.faults(labels: classes).map { "decoding.\($0)" }
        if check.faults.isEmpty {
            let samples = windowSeconds * sampleRateHz
            if samples > 1e9 || samples < Double(encoder.frontEnd.samplesPerFrame) {
                check.faults.append("windowSeconds: a window of \(windowSeconds) s holds \(samples) samples")
            }
        }
        return check.faults
    }
}

private struct Check {
    var faults: [String] = []

    mutating func count(_ path: String, _ value: Int, _ range: ClosedRange<Int>) {
        if !range.contains(value) {
            faults.append(
                "\(path): a number from \(range.lowerBound) to \(range.upperBound) is expected, found \(value)")
        }
    }

    mutating func number(_ path: String, _ value: Double, _ range: ClosedRange<Double>) {
        if !range.contains(value) {
            faults.append(
                "\(path): a number from \(range.lowerBound) to \(range.upperBound) is expected, found \(value)")
        }
    }

    mutating func divides(_ path: String, _ value: Int, _ whole: Int, _ name: String) {
        if value < 1 || whole % value != 0 { faults.append("\(path): must divide \(name) (\(whole)), found \(value)") }
    }

    mutating func frontEnd(_ frontEnd: FrontEnd.Configuration) {
        let path = "encoder.frontEnd"
        number("\(path).sampleRateHz", frontEnd.sampleRateHz, 100...10_000_000)
        count("\(path).channels", frontEnd.channels, 1...65_536)
        count("\(path).filters", frontEnd.filters, 0...65_536)
        count("\(path).layers", frontEnd.layers.count, 0...64)
        var product = 1.0
        for (index, layer) in frontEnd.layers.enumerated() {
            count("\(path).layers[\(index)].channels", layer.channels, 1...65_536)
            count("\(path).layers[\(index)].kernel", layer.kernel, 1...65_536)
            count("\(path).layers[\(index)].stride", layer.stride, 1...65_536)
            product *= Double(layer.stride)
        }
        if frontEnd.sincFilters, let first = frontEnd.layers.first, first.kernel % 2 == 0 || first.kernel < 3 {
            faults.append("\(path).layers[0].kernel: sinc filters have an odd number of taps, at least 3")
        }
        if product > 1e7 { faults.append("\(path).layers: the strides multiply to \(product)") }
    }

    mutating func encoder(_ encoder: Animal2VecConfiguration) {
        count("encoder.width", encoder.width, 1...65_536)
        divides("encoder.heads", encoder.heads, encoder.width, "encoder.width")
        count("encoder.depth", encoder.depth, 1...1_000)
        count("encoder.prenetDepth", encoder.prenetDepth, 0...1_000)
        count("encoder.feedForwardRatio", encoder.feedForwardRatio, 1...64)
        count("encoder.averagedLayers", encoder.averagedLayers, 0...1_000)
        count("encoder.positions.layers", encoder.positions.layers, 0...64)
        count("encoder.positions.kernel", encoder.positions.kernel, 0...65_536)
        divides("encoder.positions.groups", encoder.positions.groups, encoder.width, "encoder.width")
        count("encoder.decoder.layers", encoder.decoder.layers, 0...64)
        count("encoder.decoder.width", encoder.decoder.width, 1...65_536)
        count("encoder.decoder.kernel", encoder.decoder.kernel, 1...65_536)
        divides("encoder.decoder.groups", encoder.decoder.groups, encoder.decoder.width, "encoder.decoder.width")
    }

    mutating func options(_ encoder: Animal2VecConfiguration) {
        let distances = encoder.distances
        number("encoder.distances.rotaryBase", distances.rotaryBase, 1...1e12)
        number("encoder.distances.positionsPerSecond", distances.positionsPerSecond, 0...1e6)
        if distances.kind == .rotary, encoder.heads > 0, encoder.width / encoder.heads % 2 != 0 {
            faults.append(
                "encoder.distances.kind: rotary positions need heads of even width, found "
                    + "\(encoder.width / encoder.heads)")
        }
        if encoder.loss.classToken > 0, !encoder.classToken {
            faults.append("encoder.loss.classToken: is \(encoder.loss.classToken), but encoder.classToken is false")
        }
        if encoder.targets.source == .block, encoder.classToken {
            faults.append("encoder.targets.source: block does not go with encoder.classToken; take feedForward")
        }
        number("encoder.loss.beta", encoder.loss.beta, 0...1e6)
        number("encoder.loss.scale", encoder.loss.scale ?? 1, 1e-12...1e12)
        number("encoder.loss.regression", encoder.loss.regression, 0...1e6)
        number("encoder.loss.classToken", encoder.loss.classToken, 0...1e6)
        number("encoder.loss.reconstruction", encoder.loss.reconstruction, 0...1e6)
        let masking = encoder.masking
        number("encoder.masking.probability", masking.probability, 0...100)
        count("encoder.masking.length", masking.length, 1...1_000_000)
        count("encoder.masking.clones", masking.clones, 1...4_096)
        number("encoder.masking.surplus", masking.surplus, -1...1)
        number("encoder.masking.dropout", masking.dropout, 0...0.999)
        if masking.kind == .spans, masking.inverse {
            faults.append("encoder.masking.inverse: is for kind: blocks only")
        }
        for (name, rate) in encoder.dropout.named { number("encoder.dropout.\(name)", rate, 0...0.999) }
    }

    mutating func head(_ head: ClassifierHead.Configuration, _ encoder: Animal2VecConfiguration) {
        count("head.layers", head.layers, 0...1_000)
        number("head.dropout", head.dropout, 0...0.999)
        if head.scope == .clipToken, !encoder.classToken {
            faults.append("head.scope: clipToken needs a model with encoder.classToken; take clipMaximum or clipMean")
        }
        if head.scope == .clipToken, head.kind == .attentive {
            faults.append("head.kind: an attentive head looks at frames, which scope: clipToken does not; take linear")
        }
    }
}
