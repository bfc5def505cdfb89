// The classes of a model, in a fixed order.

/// An ordered list of different labels.
public struct Vocabulary: Sendable, Hashable {
    /// How the classes of a new vocabulary are ordered.
    public enum Order: String, Sendable, Hashable, Codable, CaseIterable {
        /// By name, as bytes: the same on every computer and in every language.
        case name
        /// The most frequent first, equal ones by name.
        case count
    }

    /// The labels in order.
    public let labels: [String]
    private let positions: [String: Int]

    /// A vocabulary of these labels; a repeated label is a mistake of the caller.
    public init(_ labels: [String]) {
        self.labels = labels
        positions = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    }

    /// The labels of some events, without those that occur fewer than `minimumCount` times. With `includesFocal`, the class
    /// `Event.focalColumn` comes last where some event is known to be a call of the focal animal.
    public init(
        events: some Sequence<Event>, order: Order = .name, minimumCount: Int = 1, includesFocal: Bool = false
    ) {
        var counts: [String: Int] = [:]
        var hasFocal = false
        for event in events {
            counts[event.label, default: 0] += 1
            if includesFocal, event.isFocal == true { hasFocal = true }
        }
        if hasFocal { counts[Event.focalColumn] = nil }
        let focal = hasFocal ? [Event.focalColumn] : []
        let kept = counts.filter { $0.value >= minimumCount }
        let byName = kept.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        switch order {
        case .name: self.init(byName + focal)
        case .count:
            // Swift's sort is stable, so equal counts stay ordered by name.
            self.init(byName.sorted { kept[$0]! > kept[$1]! } + focal)
        }
    }

    /// How many labels there are.
    public var count: Int { labels.count }

    /// True without any label.
    public var isEmpty: Bool { labels.isEmpty }

    /// The position of a label, or nil if it is not in the vocabulary.
    public func index(of label: String) -> Int? { positions[label] }

    /// The label at a position.
    public subscript(index: Int) -> String { labels[index] }
}

extension Vocabulary: Codable {
    /// Reads a list of labels; a repeated one is an error.
    public init(from decoder: any Decoder) throws {
        let labels = try [String](from: decoder)
        guard Set(labels).count == labels.count else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a class name occurs twice in \(labels)"))
        }
        self.init(labels)
    }

    /// Writes the list of labels.
    public func encode(to encoder: any Encoder) throws { try labels.encode(to: encoder) }
}
