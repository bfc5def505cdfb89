import Atlas
import Foundation
import Randomness
import Testing

@Suite struct SoundMapTests {
    /// Ten groups in all directions, within each a curve: no plane shows them all.
    private func curves(_ count: Int) -> [Float] {
        var random = KeyedRandom(seed: 3, purpose: .cluster)
        var rows: [Float] = []
        for index in 0..<count {
            let group = index % 10
            let t = random.uniform()
            for j in 0..<12 {
                let centre = Double(splitmix64(UInt64(group * 100 + j)) >> 11) * 0x1p-51 - 2
                rows.append(Float(centre + sin(4 * t + Double(j + group)) + 0.05 * random.uniform()))
            }
        }
        return rows
    }

    @Test func `Neighbours stay neighbours, better than on the best plane`() throws {
        let rows = curves(600)
        var configuration = SoundMap.Configuration()
        configuration.components = 12
        configuration.steps = 0
        let plane = try SoundMap(configuration: configuration).places(rows, dimension: 12)
        configuration.steps = 200
        let map = try SoundMap(configuration: configuration).places(rows, dimension: 12)
        func quality(_ places: [Float]) throws -> (Double, Double) {
            // Maps compare directions.
            let unit = stride(from: 0, to: rows.count, by: 12).flatMap { start -> [Float] in
                let row = rows[start..<start + 12]
                let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return row.map { $0 / length }
            }
            return (
                try MapQuality.trustworthiness(unit, dimension: 12, places: places),
                try MapQuality.preservation(unit, dimension: 12, places: places)
            )
        }
        let (planeTrust, planeKept) = try quality(plane)
        let (trust, kept) = try quality(map)
        #expect(trust > 0.97 && trust > planeTrust)
        #expect(kept > planeKept + 0.15)
        #expect(map.allSatisfy { abs($0) <= 1 })
    }

    @Test func `The same seed draws the same map`() throws {
        let rows = curves(300)
        var configuration = SoundMap.Configuration()
        configuration.steps = 50
        let map = try SoundMap(configuration: configuration).places(rows, dimension: 12)
        #expect(try SoundMap(configuration: configuration).places(rows, dimension: 12) == map)
        configuration.seed = 1
        #expect(try SoundMap(configuration: configuration).places(rows, dimension: 12) != map)
    }

    @Test func `Beyond the landmarks every sound lies among those it is like`() throws {
        let rows = curves(1200)
        var configuration = SoundMap.Configuration()
        (configuration.landmarks, configuration.steps) = (400, 150)
        let map = try SoundMap(configuration: configuration).places(rows, dimension: 12)
        #expect(map.count == 2400 && map.allSatisfy(\.isFinite))
        #expect(try MapQuality.preservation(rows, dimension: 12, places: map, neighbours: 30) > 0.4)
    }

    // sklearn.manifold.trustworthiness(X, X[:, :2], n_neighbors=7)
    @Test func `Trustworthiness is that of scikit-learn`() throws {
        var rows: [Float] = []
        var places: [Float] = []
        for index in 0..<80 {
            let row = (0..<4).map { Float(Double(splitmix64(UInt64(1000 + index * 4 + $0)) >> 11) * 0x1p-53) }
            rows += row
            places += row[..<2]
        }
        let value = try MapQuality.trustworthiness(rows, dimension: 4, places: places, neighbours: 7)
        #expect(abs(value - 0.8005434782608696) < 1e-6)
    }

    @Test func `Few and equal sounds have places, too`() throws {
        for count in 1...4 {
            let rows = [Float](repeating: 1, count: count * 5)
            let places = try SoundMap().places(rows, dimension: 5)
            #expect(places.count == 2 * count && places.allSatisfy(\.isFinite))
        }
    }
}
