import Corpus
import Foundation
import Labels
import TestSupport
import Testing

@Suite struct SplitTests {
    /// 40 recordings: label `common` in all, `rare` in every eighth, `siteN` by site.
    private func scanned(_ fixture: Fixture) throws -> Catalogue {
        var events: [Event] = []
        for index in 0..<40 {
            let name = "S\(index / 4)_20240101_0000\(index < 10 ? "0" : "")\(index).wav"
            try fixture.writeRamp(name, seconds: 0.25)
            events.append(event(name, 0, 0.1, "common"))
            if index % 8 == 0 { events.append(event(name, 0.1, 0.2, "rare")) }
        }
        try fixture.writeLabels(events)
        let catalogue = try fixture.catalogue()
        try fixture.scan(catalogue)
        return catalogue
    }

    @Test func `Parts have their shares of recordings and of every label, and the same seed gives the same parts`()
        throws
    {
        try withFixture { fixture in
            let catalogue = try scanned(fixture)
            var configuration = Split.Configuration()
            (configuration.validShare, configuration.testShare, configuration.seed) = (0.2, 0.2, 5)
            let parts = try Split(configuration).apply(to: catalogue)
            #expect(parts[.train]?.recordings == 24 && parts[.valid]?.recordings == 8 && parts[.test]?.recordings == 8)
            #expect(parts[.train]?.labels["rare"] == 3 && parts[.valid]?.labels["rare"] == 1)
            #expect(parts[.test]?.labels["rare"] == 1)
            let first = try catalogue.recordings().map(\.part)
            try Split(configuration).apply(to: catalogue, anew: true)
            #expect(try catalogue.recordings().map(\.part) == first)
            configuration.seed = 6
            try Split(configuration).apply(to: catalogue)
            #expect(try catalogue.recordings().map(\.part) != first)
        }
    }

    @Test func `New recordings change no part that was given, and fill up what lacks`() throws {
        try withFixture { fixture in
            let catalogue = try scanned(fixture)
            let split = try Split()
            try split.apply(to: catalogue)
            let before = Dictionary(uniqueKeysWithValues: try catalogue.recordings().map { ($0.path, $0.part) })
            for index in 0..<10 { try fixture.writeRamp("new\(index).wav", seconds: 0.25) }
            try fixture.scan(catalogue)
            let parts = try split.apply(to: catalogue)
            #expect(parts[.train]?.recordings == 40 && parts[.valid]?.recordings == 10)
            for recording in try catalogue.recordings() where before[recording.path] != nil {
                #expect(recording.part == before[recording.path])
            }
        }
    }

    @Test func `Sites stay together, and folds divide all but the test part`() throws {
        try withFixture { fixture in
            let catalogue = try scanned(fixture)
            var configuration = Split.Configuration()
            (configuration.unit, configuration.folds, configuration.testShare) = (.site, 4, 0.2)
            configuration.validShare = 0
            try Split(configuration).apply(to: catalogue)
            let recordings = try catalogue.recordings()
            for (_, group) in Dictionary(grouping: recordings, by: \.site) {
                #expect(Set(group.map(\.part)).count == 1 && Set(group.map(\.fold)).count == 1)
            }
            #expect(recordings.filter { $0.part == .test }.allSatisfy { $0.fold == nil })
            #expect(Set(recordings.compactMap(\.fold)) == [0, 1, 2, 3])
            let inner = recordings.filter { $0.part != .test }.count
            var validated = 0
            for fold in 0..<4 {
                let valid = try catalogue.recordings(.init(part: .valid, fold: fold))
                let train = try catalogue.recordings(.init(part: .train, fold: fold))
                #expect(valid.count + train.count == inner)
                #expect(Set(valid.map(\.id)).isDisjoint(with: train.map(\.id)))
                validated += valid.count
            }
            #expect(validated == inner)
        }
    }

    @Test func `Lists of names, wildcards and ranges decide alone`() throws {
        try withFixture { fixture in
            for index in [0, 7, 9, 10, 89, 90, 100, 134] { try fixture.writeRamp("audio/\(index).flac", seconds: 0.1) }
            let catalogue = try fixture.catalogue()
            try fixture.scan(catalogue)
            func parts(_ change: (inout Split.Configuration) -> Void) throws -> [SplitPart: Int] {
                var configuration = Split.Configuration()
                change(&configuration)
                return try Split(configuration).apply(to: catalogue).mapValues(\.recordings)
            }
            #expect(try parts { $0.train = ["0..89"] } == [.train: 5, .valid: 3])
            #expect(try parts { $0.train = ["7-10"] } == [.train: 3, .valid: 5])
            #expect(try parts { ($0.train, $0.test) = (["0..89"], ["90..134"]) } == [.train: 5, .test: 3])
            #expect(try parts { $0.valid = ["audio/1*.flac"] } == [.train: 5, .valid: 3])
            #expect(
                try parts { ($0.valid, $0.test) = (["7", "9.flac"], ["audio/134.flac"]) } == [
                    .train: 5, .valid: 2, .test: 1,
                ])
            #expect(throws: CorpusError.self) { try parts { $0.valid = ["7000"] } }
            #expect(throws: CorpusError.self) { try parts { ($0.valid, $0.test) = (["7"], ["0..9"]) } }
            #expect(throws: CorpusError.self) { try parts { ($0.validShare, $0.testShare) = (0.5, 0.5) } }
        }
    }

    @Test func `A few events per label are chosen, larger choices hold smaller ones, and only they are known`() throws {
        try withFixture { fixture in
            var events: [Event] = []
            for index in 0..<6 {
                try fixture.writeRamp("\(index).wav", seconds: 2)
                for slot in 0..<10 {
                    let start = 0.2 * Double(slot)
                    events.append(event("\(index).wav", start, start + 0.1, slot % 5 == 0 ? "rare" : "common"))
                }
            }
            try fixture.writeLabels(events)
            let catalogue = try fixture.catalogue()
            try fixture.scan(catalogue)
            let split = Split.Configuration()
            try Split(split).apply(to: catalogue)
            let few = FewShot(eventsPerLabel: 3, seed: 2)
            #expect(try few.apply(to: catalogue) == ["rare": 3, "common": 3])
            let three = try catalogue.events(subset: few.name).values.flatMap { $0 }
            #expect(three.count == 6)
            let five = FewShot(eventsPerLabel: 5, seed: 2)
            try five.apply(to: catalogue)
            #expect(Set(try catalogue.events(subset: five.name).values.flatMap { $0 }).isSuperset(of: three))
            let trained = Set(try catalogue.recordings(.init(part: .train)).map(\.relativePath))
            #expect(three.allSatisfy { trained.contains($0.recording) })

            let known = try catalogue.labelledRecordings(.init(part: .train), subset: few.name, marginSeconds: 0.3)
            let all = try catalogue.events()
            for entry in known {
                for range in entry.known {
                    // No unchosen event reaches into what is known.
                    for other in all[entry.recording.id] ?? [] where !entry.events.contains(other) {
                        #expect(
                            other.endSeconds <= range.lowerBound + 1e-9 || other.startSeconds >= range.upperBound - 1e-9
                        )
                    }
                }
                #expect(
                    entry.events.allSatisfy { event in
                        entry.known.contains {
                            $0.lowerBound <= event.startSeconds && $0.upperBound >= event.endSeconds
                        }
                    })
            }
        }
    }

    @Test func `Names sort with their numbers by value`() {
        let names = ["a10", "a2", "b", "a", "a02", "a2x", "10", "9", "B"]
        #expect(names.sorted(by: NaturalOrder.isBefore) == ["9", "10", "B", "a", "a02", "a2", "a2x", "a10", "b"])
    }
}
