import ArgumentParser
import Foundation
import Inference
import Labels

/// Options that say how probabilities become events, instead of the model's own ways.
struct DecodingOptions: ParsableArguments {
    /// The ways of fusion by the names of animal2vec 1.0.
    enum Method: String, ExpressibleByArgument, CaseIterable {
        case avg, max, canny, none

        var smoothing: EventDecoder.Configuration.Smoothing {
            switch self {
            case .avg: .average
            case .max: .maximum
            case .canny: .edges
            case .none: .none
            }
        }
    }

    /// Detection without regard to classes.
    enum Vote: String, ExpressibleByArgument, CaseIterable {
        case max, mean, median

        var vote: EventDecoder.AnyClass.Vote {
            switch self {
            case .max: .maximum
            case .mean: .mean
            case .median: .median
            }
        }
    }

    @Option(help: "Threshold instead of the model's own, for all classes.")
    var threshold: Double?

    @Option(help: "How frames are fused: avg, max, canny or none.")
    var method: Method?

    @Option(help: "Fusion window in seconds; with canny the deviation of its bell.")
    var window: Double?

    @Option(help: "Shorter events are dropped, in seconds.")
    var minimum: Double?

    @Option(help: "Events of one class no further apart become one, in seconds.")
    var gap: Double?

    @Option(help: "With canny: no event is longer, in seconds.")
    var longest: Double?

    @Flag(inversion: .prefixedNo, help: "Of overlapping events keep only the one of highest score.")
    var oneAtATime: Bool?

    @Option(help: "The class that says whether the focal animal calls; calls of others are marked ‘nf’.")
    var focal: String?

    @Option(help: "With --focal: what becomes of the calls of other animals: marked, unmarked or dropped.")
    var others: EventDecoder.Focal.Others?

    @Option(help: "Detect without regard to classes: max, mean or median of their probabilities.")
    var anyClass: Vote?

    /// The settings; nil if nothing differs from the model's own.
    func configuration(_ model: ModelDescription) throws -> EventDecoder.Configuration? {
        var decoding = model.decoding
        if let threshold {
            decoding.threshold = threshold
            for label in decoding.classes.keys { decoding.classes[label]?.threshold = nil }
        }
        if let method { decoding.smoothing = method.smoothing }
        if decoding.smoothing == .edges {
            var edges = decoding.edges ?? .init()
            if let window { edges.sigmaSeconds = window }
            if let longest { edges.longestSeconds = longest }
            decoding.edges = edges
        } else {
            if let window {
                decoding.smoothingSeconds = window
                for label in decoding.classes.keys { decoding.classes[label]?.smoothingSeconds = nil }
            }
            if longest != nil { throw ValidationError("--longest belongs to --method canny") }
        }
        if let minimum {
            decoding.minimumSeconds = minimum
            for label in decoding.classes.keys { decoding.classes[label]?.minimumSeconds = nil }
        }
        if let gap {
            decoding.gapSeconds = gap
            for label in decoding.classes.keys { decoding.classes[label]?.gapSeconds = nil }
        }
        if let oneAtATime { decoding.oneClassAtATime = oneAtATime }
        if let focal {
            guard model.classes.contains(focal) else {
                throw ValidationError("--focal \(focal): the model knows \(model.classes.joined(separator: ", "))")
            }
            decoding.focal = decoding.focal ?? .init()
            decoding.focal?.className = focal
        }
        if let others {
            guard decoding.focal != nil else { throw ValidationError("--others needs --focal") }
            decoding.focal?.others = others
        }
        if let anyClass { decoding.anyClass = .init(vote: anyClass.vote) }
        return decoding == model.decoding ? nil : decoding
    }
}

extension EventDecoder.Focal.Others: ExpressibleByArgument {}
