// What is done to whom: drawn from keyed randomness, and the settings that there can be nothing drawn from.
import Randomness

extension SoundViews {
    /// What is done to one window for one view; nothing at first.
    struct Draw {
        /// Shares of the window.
        var time = (start: 0.0, length: 1.0)
        var band = (start: 0.0, length: 1.0)
        var gainDecibels = 0.0
        var backgroundDecibels: Double?
        /// How many windows further on in the batch the background is taken from.
        var partnerStep = 0
        var smear: (decay: Double, decibels: Double)?
        var noise: (band: (start: Double, length: Double), decibels: Double)?
        var noiseKey: UInt64 = 0
        var timeMasks: [(start: Double, length: Double)] = []
        var bandMasks: [(start: Double, length: Double)] = []

        init() {}

        init(_ configuration: Configuration, isGlobal: Bool, windows: Int, _ key: KeyedRandom) {
            var random = key
            let (times, bands) =
                isGlobal
                ? (configuration.global.time, configuration.global.band)
                : (configuration.local.time, configuration.local.band)
            time.length = times.draw(&random)
            time.start = (1 - time.length) * random.uniform()
            band.length = bands.draw(&random)
            band.start = (1 - band.length) * random.uniform() + configuration.shift * (2 * random.uniform() - 1)
            gainDecibels = configuration.gainDecibels * (2 * random.uniform() - 1)
            // Every number is drawn whether it is used or not, so that one setting does not change what another does.
            let (hasBackground, below) = (random.uniform(), configuration.background.decibels.draw(&random))
            let step = random.uniform()
            if hasBackground < configuration.background.probability, windows > 1 {
                (backgroundDecibels, partnerStep) = (below, 1 + min(windows - 2, Int(step * Double(windows - 1))))
            }
            let (hasSmear, decay) = (random.uniform(), configuration.smear.decay.draw(&random))
            let echo = configuration.smear.decibels.draw(&random)
            if hasSmear < configuration.smear.probability { smear = (decay, echo) }
            let (hasNoise, width) = (random.uniform(), configuration.noiseBand.draw(&random))
            let (place, hiss) = (random.uniform(), configuration.noise.decibels.draw(&random))
            noiseKey = random.next()
            if hasNoise < configuration.noise.probability { noise = (((1 - width) * place, width), hiss) }
            timeMasks = Self.masks(configuration.timeMasks, &random)
            bandMasks = Self.masks(configuration.bandMasks, &random)
        }

        private static func masks(
            _ masks: Masks, _ random: inout KeyedRandom
        ) -> [(start: Double, length: Double)] {
            guard random.uniform() < masks.probability, masks.count > 0 else { return [] }
            return (0..<1 + random.below(masks.count)).map { _ in
                let length = masks.share * random.uniform()
                return ((1 - length) * random.uniform(), length)
            }
        }
    }
}

extension SoundViews.Configuration {
    /// What no views can be made of, one line per fault with the name of the setting; `patch` is the network's.
    public func faults(patch: Int) -> [String] {
        var faults: [String] = []
        func number<Number: Comparable>(_ name: String, _ value: Number, _ range: ClosedRange<Number>) {
            if !range.contains(value) {
                faults.append(
                    "\(name): a number from \(range.lowerBound) to \(range.upperBound) is expected, found \(value)")
            }
        }
        func share(_ name: String, _ span: SoundViews.Span) {
            if !(span.low > 0 && span.low <= span.high && span.high <= 1) {
                faults.append(
                    "\(name): shares above 0 up to 1, low before high, are expected, found \(span.low) to \(span.high)")
            }
        }
        number("global.count", global.count, 1...16)
        number("local.count", local.count, global.count > 1 ? 0...64 : 1...64)
        for (name, value) in [("local.height", local.height), ("local.width", local.width)] where local.count > 0 {
            if patch < 1 || value < 1 || value > 65_536 || value % patch != 0 {
                faults.append("\(name): a multiple of network.patch (\(patch)) is expected, found \(value)")
            }
        }
        let spans = [
            ("global.time", global.time), ("global.band", global.band), ("local.time", local.time),
            ("local.band", local.band), ("noiseBand", noiseBand), ("smear.decay", smear.decay),
        ]
        for (name, span) in spans { share(name, span) }
        let probabilities = [
            ("background", background.probability), ("noise", noise.probability), ("smear", smear.probability),
            ("timeMasks", timeMasks.probability), ("bandMasks", bandMasks.probability),
        ]
        for (name, value) in probabilities { number("\(name).probability", value, 0...1) }
        for (name, masks) in [("timeMasks", timeMasks), ("bandMasks", bandMasks)] {
            number("\(name).count", masks.count, 0...100)
            number("\(name).share", masks.share, 0...1)
        }
        number("shift", shift, 0...0.5)
        number("gainDecibels", gainDecibels, 0...60)
        return faults
    }
}
