// Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the label with the fewest groups left goes first, each of
// its groups to the part that lacks most of that label.

import Randomness

/// Groups of recordings into parts of given shares.
enum Stratification {
    /// What goes to one part as a whole.
    struct Group: Sendable {
        /// Its name: the order of ties is drawn from it, so that it does not change when other groups come.
        var name: String
        var labels: [String: Int] = [:]
        var seconds = 0.0
        /// The part it has already.
        var fixed: Int?
    }

    /// The part of each group. A pure function of its arguments.
    static func assign(_ groups: [Group], shares: [Double], seed: UInt64, sample: Int) -> [Int] {
        var result = groups.map { $0.fixed ?? -1 }
        var wantedSeconds = shares.map { $0 * groups.reduce(0) { $0 + $1.seconds } }
        var wantedGroups = shares.map { $0 * Double(groups.count) }
        var wanted: [String: [Double]] = [:]
        for group in groups {
            for (label, count) in group.labels {
                for part in shares.indices {
                    wanted[label, default: shares.map { _ in 0 }][part] += shares[part] * Double(count)
                }
            }
        }
        let ranks = groups.map { rank($0.name, seed: seed, sample: sample) }

        func give(_ index: Int, _ part: Int) {
            result[index] = part
            wantedSeconds[part] -= groups[index].seconds
            wantedGroups[part] -= 1
            for (label, count) in groups[index].labels { wanted[label]![part] -= Double(count) }
        }
        for (index, group) in groups.enumerated() {
            if let part = group.fixed { give(index, part) }
        }
        // Parts with no share get nothing; equal needs are settled by seconds, then by groups, then by order.
        func neediest(_ label: String?) -> Int {
            shares.indices.filter { shares[$0] > 0 }.max { a, b in
                if let needs = label.flatMap({ wanted[$0] }), abs(needs[a] - needs[b]) > 1e-9 {
                    return needs[a] < needs[b]
                }
                if abs(wantedSeconds[a] - wantedSeconds[b]) > 1e-9 { return wantedSeconds[a] < wantedSeconds[b] }
                if abs(wantedGroups[a] - wantedGroups[b]) > 1e-9 { return wantedGroups[a] < wantedGroups[b] }
                return a > b
            } ?? 0
        }
        var holders: [String: [Int]] = [:]
        for index in groups.indices where result[index] < 0 {
            for label in groups[index].labels.keys { holders[label, default: []].append(index) }
        }
        for label in holders.keys { holders[label]!.sort { (ranks[$0], $0) < (ranks[$1], $1) } }
        while let label = holders.keys.min(by: { (holders[$0]!.count, $0) < (holders[$1]!.count, $1) }) {
            // Groups with many of the label first: small ones can still even things out.
            let order = holders[label]!.sorted {
                let (a, b) = (groups[$0].labels[label]!, groups[$1].labels[label]!)
                return a != b ? a > b : (ranks[$0], $0) < (ranks[$1], $1)
            }
            for index in order { give(index, neediest(label)) }
            holders[label] = nil
            for other in holders.keys {
                holders[other]!.removeAll { result[$0] >= 0 }
                if holders[other]!.isEmpty { holders[other] = nil }
            }
        }
        for index in groups.indices.sorted(by: { (ranks[$0], $0) < (ranks[$1], $1) }) where result[index] < 0 {
            give(index, neediest(nil))
        }
        return result
    }

    /// A number drawn from a name.
    static func rank(_ name: String, seed: UInt64, sample: Int) -> UInt64 {
        // FNV-1a: the same in every run, unlike Swift's hash.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        var random = KeyedRandom(seed: seed ^ hash, sample: sample, purpose: .split)
        return random.next()
    }
}
