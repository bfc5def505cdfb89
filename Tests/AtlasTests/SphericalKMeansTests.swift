import Atlas
import Foundation
import TestSupport
import Testing

@Suite struct SphericalKMeansTests {
    /// Lloyd's rounds from given centres, as one would write them down.
    private func plainLloyd(_ rows: [[Double]], centres: [[Double]]) -> [Int] {
        func unit(_ row: [Double]) -> [Double] {
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { length > 0 ? $0 / length : 0 }
        }
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let rows = rows.map(unit)
        var centres = centres
        var nearest: [Int] = []
        while true {
            let next = rows.map { row in centres.indices.max { dot(row, centres[$0]) < dot(row, centres[$1]) }! }
            if next == nearest { return nearest }
            nearest = next
            for centre in centres.indices {
                let own = rows.indices.filter { nearest[$0] == centre }
                centres[centre] = unit(
                    own.reduce([Double](repeating: 0, count: rows[0].count)) { zip($0, rows[$1]).map(+) })
            }
        }
    }

    private func split(_ rows: [Float], _ dimension: Int) -> [[Double]] {
        stride(from: 0, to: rows.count, by: dimension).map { rows[$0..<$0 + dimension].map(Double.init) }
    }

    @Test func `Plain Lloyd rounds from its centres change nothing`() throws {
        let data = GroupedVectors(count: 600, dimension: 12, groups: 6, noise: 1.2)
        var configuration = SphericalKMeans.Configuration()
        (configuration.k, configuration.tolerance) = (6, 0)
        let fit = try SphericalKMeans.fit(data.rows, dimension: 12, configuration: configuration)
        let plain = plainLloyd(split(data.rows, 12), centres: split(fit.centres, 12))
        #expect(plain == fit.assignment.map(Int.init))
        #expect(fit.sizes == (0..<6).map { group in fit.assignment.count { $0 == group } })
        #expect(fit.sizes == fit.sizes.sorted(by: >))
    }

    @Test func `Groups that lie apart are found, whatever the seed`() throws {
        let data = GroupedVectors(count: 2000, dimension: 32, groups: 20, noise: 0.2)
        for seed in 0..<5 as Range<UInt64> {
            var configuration = SphericalKMeans.Configuration()
            (configuration.k, configuration.seed) = (20, seed)
            let fit = try SphericalKMeans.fit(data.rows, dimension: 32, configuration: configuration)
            let pairs = Set(zip(data.truth, fit.assignment).map { [$0, Int($1)] })
            #expect(pairs.count == 20)
            #expect(fit.silhouette > 0.8)
        }
    }

    @Test func `The same seed gives the same groups, and cosines are those with the two best centres`() throws {
        let data = GroupedVectors(count: 500, dimension: 16, groups: 5, noise: 2)
        var configuration = SphericalKMeans.Configuration()
        configuration.k = 7
        let fit = try SphericalKMeans.fit(data.rows, dimension: 16, configuration: configuration)
        let again = try SphericalKMeans.fit(data.rows, dimension: 16, configuration: configuration)
        #expect(fit.assignment == again.assignment && fit.centres == again.centres)
        let centres = split(fit.centres, 16)
        for (index, row) in split(data.rows, 16).enumerated() {
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let cosines = centres.map { zip($0, row).reduce(0) { $0 + $1.0 * $1.1 } / length }.sorted(by: >)
            #expect(abs(cosines[0] - Double(fit.cosines[index])) < 1e-5)
            #expect(abs(cosines[1] - Double(fit.seconds[index])) < 1e-5)
        }
    }

    @Test func `No group is empty, not even among rows that are all alike`() throws {
        var configuration = SphericalKMeans.Configuration()
        configuration.k = 5
        // Three different directions for five groups.
        var rows: [Float] = []
        for index in 0..<60 { rows += index % 3 == 0 ? [1, 0] : index % 3 == 1 ? [0, 1] : [-1, 0] }
        let fit = try SphericalKMeans.fit(rows, dimension: 2, configuration: configuration)
        #expect(fit.sizes.count == 5 && fit.sizes.allSatisfy { $0 > 0 } && fit.sizes.reduce(0, +) == 60)
        #expect(fit.meanCosine > 0.999)
        configuration.k = 4
        let zeros = try SphericalKMeans.fit(
            [Float](repeating: 0, count: 40), dimension: 4, configuration: configuration)
        #expect(zeros.sizes.allSatisfy { $0 > 0 } && zeros.sizes.reduce(0, +) == 10)
        configuration.k = 11
        #expect(throws: AtlasError.self) {
            try SphericalKMeans.fit(
                [Float](repeating: 0, count: 40), dimension: 4, configuration: configuration)
        }
    }

    @Test func `Batches beyond memory find groups that are as good`() throws {
        let data = GroupedVectors(count: 20_000, dimension: 16, groups: 10, noise: 1)
        var configuration = SphericalKMeans.Configuration()
        configuration.k = 10
        configuration.sampleRows = 1000
        let whole = try SphericalKMeans.fit(data.rows, dimension: 16, configuration: configuration)
        try withTemporaryFolder { folder in
            let atlas = try Atlas.filled(folder, data, perRecording: 5000, labelled: false)
            configuration.memoryBytes = 0
            let batches = try SphericalKMeans.fit(atlas, configuration: configuration)
            #expect(batches.meanCosine > 0.995 * whole.meanCosine)
            #expect(batches.sizes.reduce(0, +) == 20_000)
        }
    }
}
