// Which sounds and recordings a change of labels was about: for pages that show them.
import Foundation
import GRDB

extension Atlas {
    /// The sounds whose annotations a change made, changed or removed, in order of their numbers; and the recordings where
    /// it drew, changed or removed boxes.
    public func concerned(byChange id: Int64) throws -> (soundIDs: [Int], recordingIDs: Set<Int64>) {
        var sounds: Set<Int> = []
        var recordings: Set<Int64> = []
        try read { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT COALESCE(after, before) FROM changeItems WHERE changeID = ?", arguments: [id])
            while let row = try rows.next() {
                let annotation = try JSONDecoder().decode(Annotation.self, from: Data((row[0] as String).utf8))
                if let sound = annotation.soundID {
                    sounds.insert(sound)
                } else {
                    recordings.insert(annotation.recordingID)
                }
            }
        }
        return (sounds.sorted(), recordings)
    }
}
