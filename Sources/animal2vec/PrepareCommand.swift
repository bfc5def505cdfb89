import ArgumentParser
import Audio
import Foundation
import Labels
import Preparation
import Terminal

/// `animal2vec prepare PATH… --out DIR [--labels PATH…]`
struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Cut long recordings and their labels into clips, in the layout of animal2vec 1.0 and MeerKAT.",
        discussion: """
            Writes wav/, lbl/ (HDF5) and manifest/pretrain.tsv. The same command continues after a stop, and with further \
            recordings adds them. For train and valid manifests: scan DIR/manifest/pretrain.tsv, then split --manifests. \
            Exit status 3 says that some recordings or label rows could not be used; everything else is in the folder.
            """)

    @Argument(help: "Recordings: folders or files.")
    var paths: [String]

    @Option(help: "Folder for the clips; made if it does not exist.", transform: { URL(fileURLWithPath: $0) })
    var out: URL

    @Option(parsing: .upToNextOption, help: "Label files of any format, or folders of them.")
    var labels: [String] = []

    @Option(help: "Length of a clip in seconds.")
    var seconds = 10.0

    @Option(help: "Sample rate of the clips in hertz; 'own' keeps that of each recording.")
    var rate = "8000"

    @Option(help: "The end of a recording that fills no clip: keep, drop (as animal2vec 1.0), or pad with silence.")
    var rest = PreparationSettings.Rest.keep

    @Option(help: "The shortest such end that is kept, in seconds.")
    var shortest = 1.0

    @Option(help: "Channel of recordings with several: a number from 0, mean, loudest, or all for clips of each.")
    var channel = ChannelSelection.index(0)

    @Option(
        help: "Table of the channel to take: wavFile,meerkatChannel, channels from 0.",
        transform: { URL(fileURLWithPath: $0) })
    var channels: URL?

    @Flag(help: "Only recordings that a label file speaks of.")
    var onlyLabelled = false

    @Flag(
        help:
            "Label files without events also for recordings that no label file speaks of, as animal2vec 1.0 needs them."
    )
    var labelEverything = false

    @Flag(help: "Keep clips without any sound.")
    var keepSilence = false

    @Flag(help: "Name clips by 32 random letters and digits; names.tsv tells what they were.")
    var randomNames = false

    @Option(help: "Seed of the random names.")
    var seed: UInt64 = 1612

    @Option(help: "Folders to spread the clips over; 0 for as many as keep each below 10,000.")
    var subfolders = 0

    @Option(help: "Classes in the order of their numbers in lbl_cat, separated by commas; others follow by name.")
    var classes = ""

    @Option(help: "End of a label that says 'not the focal animal', such as nf in 'cc nf'.")
    var nonFocalMark = ""

    @OptionGroup var rows: LabelRowFlags

    @Option(help: "Threads that work; 0 for one per core.")
    var threads = 0

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() throws {
        StopSignal.install()
        let preparation = try preparation()
        let report = dryRun ? try preparation.plan(paths, labels: labels) : try prepare(preparation)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            print(dryRun ? report.planText : report.text)
        }
        if !report.isComplete {
            printError("stopped; the same command goes on")
            throw ExitCode(130)
        }
        if report.clips == 0 {
            printError("animal2vec: no clip could be made of \(paths.joined(separator: ", "))")
            throw ExitCode(1)
        }
        if !report.isClean { throw ExitCode(3) }
    }

    private func preparation() throws -> Preparation {
        var settings = PreparationSettings()
        guard rate == "own" || Double(rate) != nil else {
            throw ValidationError("--rate \(rate): give a rate in hertz, or own")
        }
        (settings.clipSeconds, settings.rateHz) = (seconds, rate == "own" ? nil : Double(rate))
        (settings.rest, settings.shortestSeconds, settings.channel) = (rest, shortest, channel)
        (settings.keepsSilence, settings.onlyLabelled) = (keepSilence, onlyLabelled)
        (settings.labelsEverything, settings.randomNames, settings.seed) = (labelEverything, randomNames, seed)
        (settings.subfolders, settings.nonFocalMark) = (subfolders, nonFocalMark)
        var preparation = try Preparation(settings)
        preparation.threads = threads
        preparation.classes = classes.split(separator: ",").map(String.init)
        preparation.reading = rows.options
        if let channels { preparation.channels = try ChannelTable(contentsOf: channels) }
        return preparation
    }

    private func prepare(_ preparation: Preparation) throws -> PreparationReport {
        var line: ProgressLine?
        let report = try preparation.prepare(paths, labels: labels, to: out) { progress in
            if line == nil { line = ProgressLine("prepare", total: progress.totalSeconds, measure: .audioSeconds) }
            line?.update(progress.seconds, note: "\(progress.done) of \(progress.total) recordings")
            return StopSignal.received == nil
        }
        line?.finish()
        return report
    }
}

extension PreparationReport {
    /// What was made, for people.
    var text: String {
        var lines = [
            "\(clips) clips of \(Self.clock(seconds)) of sound in \(folder); \(preparedNow) recordings prepared now, \(kept) kept",
            "\(events) events in \(labelledClips) clips, \(cutEvents) of them cut at an edge; classes: "
                + (classes.isEmpty ? "none" : classes.joined(separator: ", ")),
        ]
        if lostEvents > 0 { lines.append("  \(lostEvents) events lie where no clip is") }
        if otherChannelEvents > 0 { lines.append("  \(otherChannelEvents) events lie on other channels") }
        if silentClips > 0 { lines.append("  \(silentClips) clips hold no sound and were left out (--keep-silence)") }
        if restSeconds > 0.05 {
            lines.append(String(format: "  %.1f s at the ends of recordings fill no clip", restSeconds))
        }
        return (lines + remarks).joined(separator: "\n")
    }

    /// What would be done, for people.
    var planText: String {
        let lines = [
            "\(recordings) recordings, \(Self.clock(seconds)) of sound, become about \(clips) clips; nothing was written",
            "\(events) events; classes: \(classes.isEmpty ? "none" : classes.joined(separator: ", "))",
        ]
        return (lines + remarks).joined(separator: "\n")
    }

    private var remarks: [String] {
        var lines = failed.map { "  cannot be used: \($0.path): \($0.reason)" }
        lines += notes.map { "  damaged: \($0.path): \($0.reason)" }
        lines += channelUnknown.map { "  not in the channel table: \($0)" }
        lines += unmatched.map { "  labels without recording: \($0)" }
        lines += labelProblems.map { "  labels: \($0)" }
        return lines
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    }
}

extension PreparationSettings.Rest: ExpressibleByArgument {}
extension ChannelSelection: ExpressibleByArgument {}
