import Atlas
import Foundation
import TestSupport
import Testing

@Suite struct SearchTests {
    /// What search must find, in a few lines.
    private func oracle(_ data: GroupedVectors, _ scaling: VectorScaling, like id: Int) -> [(Int, Double)] {
        func scaled(_ row: Int) -> [Double] {
            let values = (0..<data.dimension).map { j in
                (Double(Float(Float16(data.rows[row * data.dimension + j]))) - Double(scaling.mean[j]))
                    * Double(scaling.factor[j])
            }
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return values.map { $0 / length }
        }
        let target = scaled(id)
        return data.truth.indices.map { row in
            (row, zip(scaled(row), target).reduce(0) { $0 + $1.0 * $1.1 })
        }.sorted { $0.1 > $1.1 }
    }

    @Test(arguments: VectorScaling.Method.allCases, [16, 37, 130])
    func `Search agrees with a plain one`(method: VectorScaling.Method, dimension: Int) throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 530, dimension: dimension, groups: 7, noise: 1)
            let atlas = try Atlas.filled(folder, data, scaling: method)
            var query = SoundQuery()
            (query.like, query.count) = ([301], 25)
            let hits = try atlas.search(query)
            let expected = oracle(data, try atlas.scaling(), like: 301).prefix(25)
            #expect(hits.map(\.id) == expected.map(\.0))
            #expect(zip(hits, expected).allSatisfy { abs(Double($0.score) - $1.1) < 1e-4 })
            #expect(try atlas.search(query, threads: 1) == hits)
        }
    }

    @Test func `Lists include and exclude, and negative examples push away`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 300, dimension: 32, groups: 3, noise: 0.3)
            let atlas = try Atlas.filled(folder, data)
            var query = SoundQuery()
            (query.like, query.excluding, query.count) = ([0], [0, 3], 5)
            let plain = try atlas.search(query).map(\.id)
            #expect(!plain.contains(0) && !plain.contains(3) && plain.allSatisfy { $0 % 3 == 0 })
            query.among = [1, 2, 6, 9]
            #expect(Set(try atlas.search(query).map(\.id)) == [1, 2, 6, 9])
            // Both groups are asked for, one is pushed away.
            (query.among, query.like, query.unlike) = (nil, [0, 1], [4, 7, 10])
            query.count = 50
            #expect(try atlas.search(query).allSatisfy { $0.id % 3 == 0 })
        }
    }

    @Test func `Questions that cannot be answered are refused in words`() throws {
        try withTemporaryFolder { folder in
            let atlas = try Atlas.filled(folder, GroupedVectors(count: 30, dimension: 8, groups: 3, noise: 0.3))
            var query = SoundQuery()
            #expect(throws: AtlasError.self) { try atlas.search(query) }
            query.like = [30]
            #expect(throws: AtlasError.self) { try atlas.search(query) }
            query.like = []
            query.likeVectors = [[1, 2]]
            #expect(throws: AtlasError.self) { try atlas.search(query) }
        }
    }
}
