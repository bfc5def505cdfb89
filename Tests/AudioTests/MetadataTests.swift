import Audio
import Foundation
import TestSupport
import Testing

@Suite struct MetadataTests {
    private func metadata(_ name: String, chunks: [(String, String)] = []) throws -> RecordingMetadata {
        try withTemporaryFolder { folder in
            var data = try AudioWriter.encodedWAV([[0, 0.5, 0]], rateHz: 38_400)
            for (chunk, text) in chunks {
                data.append(contentsOf: Array(chunk.utf8))
                withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { data.append(contentsOf: $0) }
                data.append(contentsOf: Array(text.utf8) + (text.utf8.count % 2 == 1 ? [0] : []))
            }
            let url = folder.appending(path: name)
            try data.write(to: url)
            return RecordingMetadata(path: url.path)
        }
    }

    @Test(
        "File names of recorders give the local start time, and the site",
        arguments: [
            ("20240903_202615.WAV", "2024-09-03T20:26:15", nil),
            ("242A2604603691DD_20250503_031300.WAV", "2025-05-03T03:13:00", "242A2604603691DD"),
            ("20240903_202615T.WAV", "2024-09-03T20:26:15", nil), ("5DFB6DFC.WAV", "2019-12-19T12:33:00Z", nil),
            ("SITE_A-7_2_20230401_050000.wav", "2023-04-01T05:00:00", "SITE_A-7_2"),
            ("SM3_0+1_20230401_050000.wav", "2023-04-01T05:00:00", "SM3"),
            ("SM3_1_20230401_050000.wav", "2023-04-01T05:00:00", "SM3"),
            ("SM4_20230401$050000.wav", "2023-04-01T05:00:00", "SM4"),
            ("Hyde_20180517_061300_-0400.wav", "2018-05-17T06:13:00-04:00", "Hyde"),
        ] as [(String, String, String?)])
    func names(name: String, start: String, prefix: String?) {
        let found = RecorderFileName("/data/\(name)")
        #expect(found.start?.iso8601 == start)
        #expect(found.prefix == prefix)
        #expect(found.isTriggered == name.contains("T."))
    }

    @Test(
        "Dates that do not exist are no dates",
        arguments: [
            "2018-08-17_34_12.wav", "X_220998_123456.wav", "20240230_120000.wav", "20240101_250000.wav",
            "20240101_120075.wav",
            "12345678.wav", "00000001_000000.wav", "song.wav", "DEADBEEF.wav",
        ])
    func impossibleDates(name: String) {
        let found = RecorderFileName(name).start
        // 0xDEADBEEF is a Unix time in 2088: eight hexadecimal digits are one when the year can be.
        #expect(name == "DEADBEEF.wav" ? found?.year == 2_088 : found == nil)
    }

    @Test func `GUANO comes before the comment, the comment before the name`() throws {
        let comment = "Recorded at 20:26:15 03/09/2024 (UTC+1) by AudioMoth 0FE081F80FE081F0 at gain setting 2"
        let information = "INFOICMT" + String(UnicodeScalar(UInt8(comment.utf8.count))) + "\0\0\0" + comment
        let guano = """
            GUANO|Version: 1.0
            Timestamp: 2019-05-06 21:14:07+0100
            Loc Position: 51.5  -0.12
            Loc Elevation: 33.5
            TE: 10
            Make: Pettersson
            Model: D500X
            Note: colons: stay

            """
        let named = try metadata("S1_20200102_030405.wav")
        #expect(named.start?.iso8601 == "2020-01-02T03:04:05")
        #expect(named.startSource == .fileName)
        #expect(named.namePrefix == "S1")

        let moth = try metadata("S1_20200102_030405.wav", chunks: [("LIST", information)])
        #expect(moth.start?.iso8601 == "2024-09-03T20:26:15+01:00")
        #expect(moth.startSource == .audioMoth)

        let all = try metadata("S1_20200102_030405.wav", chunks: [("LIST", information), ("guan", guano)])
        #expect(all.start?.iso8601 == "2019-05-06T21:14:07+01:00")
        #expect(all.startSource == .guano)
        #expect(all.latitude == 51.5 && all.longitude == -0.12 && all.elevation == 33.5)
        #expect(all.timeExpansion == 10)
        #expect(all.device == "Pettersson D500X")
        #expect(all.guano["Note"] == "colons: stay")
    }

    @Test func `Zones of AudioMoth comments are read, and no zone means UTC there`() throws {
        for (zone, expected) in [
            (" (UTC)", "Z"), (" (UTC-3:30)", "-03:30"), (" (UTC+10)", "+10:00"), ("", "Z"),
        ] {
            let comment = "Recorded at 01:02:03 29/02/2024\(zone) by AudioMoth 0FE081F80FE081F0"
            let information = "INFOICMT" + String(UnicodeScalar(UInt8(comment.utf8.count))) + "\0\0\0" + comment
            #expect(
                try metadata("a.wav", chunks: [("LIST", information)]).start?.iso8601 == "2024-02-29T01:02:03"
                    + expected)
        }
    }

    @Test func `Files without metadata and missing files tell nothing, without an error`() throws {
        let plain = try metadata("plain.wav")
        #expect(plain.start == nil && plain.startSource == .unknown && plain.timeExpansion == 1)
        #expect(RecordingMetadata(path: "/nonexistent.wav").start == nil)
    }
}
