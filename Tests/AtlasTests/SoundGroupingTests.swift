import Atlas
import Evaluation
import Foundation
import TestSupport
import Testing

@Suite struct SoundGroupingTests {
    @Test func `Groups are saved with what helps a person to know them`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 900, dimension: 24, groups: 6, noise: 0.3)
            let atlas = try Atlas.filled(folder, data, perRecording: 30)
            var configuration = SoundGrouping.Configuration()
            (configuration.k, configuration.choice) = ([3, 6, 12], .silhouette)
            let results = try SoundGrouping(atlas, configuration: configuration).run()
            #expect(results.map(\.clustering.k) == [3, 6, 12])
            let six = results[1]
            #expect(six.scores?.adjustedMutualInformation.value ?? 0 > 0.999)
            #expect(six.clustering.stability ?? 0 > 0.999)
            let again = try Atlas.open(folder)
            #expect(try again.currentClustering()?.id == six.clustering.id)
            let clusters = try again.clusters()
            #expect(clusters.map(\.size) == [150, 150, 150, 150, 150, 150])
            for cluster in clusters {
                #expect(cluster.purity == 1 && cluster.labels.count == 1)
                #expect(cluster.exemplars.count == 8 && cluster.rim.count == 4)
                #expect(cluster.neighbours.count == 5 && !cluster.neighbours.contains { $0.number == cluster.number })
                let members = try again.soundIDs(inCluster: cluster.number)
                #expect(members.count == 150 && Set(members).isSuperset(of: cluster.exemplars + cluster.rim))
                // Ten of one recording would say less than two of five.
                let recordings = try again.sounds(cluster.exemplars).map(\.recordingID)
                #expect(Set(recordings).count >= 4)
                let centre = try #require(try again.clusterCentre(cluster.number, of: six.clustering.id))
                let nearest = try again.search(unitVector: centre, count: 1)
                #expect(members.contains(nearest[0].id))
            }
            try again.setNote("wren", ofCluster: 2)
            #expect(try again.clusters()[2].note == "wren")
            #expect(try again.sound(0).cluster != nil)
        }
    }

    @Test func `Sounds that came later have no group until the next grouping`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 100, dimension: 8, groups: 2, noise: 0.3)
            let atlas = try Atlas.filled(folder, data)
            var configuration = SoundGrouping.Configuration()
            configuration.k = [2]
            _ = try SoundGrouping(atlas, configuration: configuration).run()
            try SoundMap().draw(atlas)
            let writer = try AtlasWriter(atlas)
            let begun = try #require(try writer.begin(RecordingVersion(name: "new", path: "/nowhere")))
            try writer.add(
                [SoundPlace(startSeconds: 0, endSeconds: 1)], vectors: Array(data.rows[..<8]), recording: begun.id)
            try writer.finish(begun.id, seconds: 1, rateHz: 8000)
            try writer.commit()
            #expect(try atlas.clusterOfSounds()?.count == 101 && atlas.clusterOfSounds()?.last == -1)
            #expect(try atlas.sound(100).cluster == nil && atlas.mapOfSounds()?.last?.isNaN == true)
            configuration.k = [102]
            #expect(throws: AtlasError.self) { try SoundGrouping(atlas, configuration: configuration).run() }
        }
    }
}
