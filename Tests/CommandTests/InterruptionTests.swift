import Foundation
import TestSupport
import Testing

/// All kinds of training through kills and requests to stop: the bytes at the end are those of an undisturbed run.
@Suite struct InterruptionTests {
    enum Training: String, CaseIterable, CustomTestStringConvertible {
        case pretraining, distilling, finetuning

        var testDescription: String { rawValue }

        func command(_ place: Workplace, run: URL) -> [String] {
            switch self {
            case .pretraining: Workplace.pretraining(corpus: place.corpus, run: run)
            case .distilling: Workplace.distilling(corpus: place.corpus, run: run)
            case .finetuning: Workplace.finetuning(from: place.pretrained, corpus: place.corpus, run: run)
            }
        }

        func undisturbed(_ place: Workplace) -> URL {
            switch self {
            case .pretraining: place.pretrained
            case .distilling: place.distilled
            case .finetuning: place.finetuned
            }
        }
    }

    /// When a process is killed.
    private enum Moment {
        /// So long after the start, as a share of the time until a first update.
        case startUp(Double)
        /// So many updates after the last checkpoint, and so many seconds later.
        case updates(Int, Double)
        /// With so many files of a checkpoint written.
        case saving(Int)
        /// After the last checkpoint, so many seconds later.
        case finishing(Double)
    }

    @Test("Killed twenty times, a run ends with the bytes of an undisturbed one", arguments: Training.allCases)
    func kills(_ training: Training) throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            let command = training.command(place, run: run)
            var random = SeededRandom(seed: training == .finetuning ? 12 : 11)
            var moments =
                (0..<6).map { _ in Moment.startUp(.random(in: 0...1.2, using: &random)) }
                + (0..<8).map { _ in
                    Moment.updates(.random(in: 1...3, using: &random), .random(in: 0...0.01, using: &random))
                } + (0..<6).map { Moment.saving($0 % 4) }
            moments.shuffle(using: &random)
            // Two more, in case the run is over before one of these.
            moments += (0..<2).map { _ in .finishing(.random(in: 0...0.02, using: &random)) }

            let startUpSeconds = try secondsUntilFirstUpdate(training, place, folder)
            var (kills, killsWhileSaving) = (0, 0)
            for moment in moments {
                let process = try RunningProgram(command)
                try wait(for: moment, process, RunProgress(run: run), startUpSeconds: startUpSeconds)
                process.send(SIGKILL)
                let ending = try process.wait()
                guard ending == .signal(SIGKILL) else {
                    #expect(ending == .status(0), "\(process.errors)")
                    continue
                }
                kills += 1
                if RunProgress(run: run).filesOfUnfinishedCheckpoint != nil { killsWhileSaving += 1 }
            }
            #expect(kills >= 20)
            #expect(killsWhileSaving >= 3)

            let last = try Program.run(command)
            #expect(last.ending == .status(0), "\(last.errors)")
            let expected = try RunContents(training.undisturbed(place))
            #expect(expected.files.keys.contains("model/last/weights.safetensors"))
            #expect(expected.files.keys.contains("checkpoints/step-\(Workplace.updates)/optimizer.safetensors"))
            #expect(try RunContents(run).differences(from: expected) == [])

            let again = try Program.run(command)
            #expect(again.ending == .status(0), "\(again.errors)")
            #expect(try RunContents(run).differences(from: expected) == [], "a finished run changed")
        }
    }

    private func secondsUntilFirstUpdate(_ training: Training, _ place: Workplace, _ folder: URL) throws -> Double {
        let run = folder.appending(path: "measured")
        let process = try RunningProgram(training.command(place, run: run))
        _ = try process.wait { RunProgress(run: run).update > 0 }
        defer { process.send(SIGKILL) }
        return process.seconds
    }

    private func wait(
        for moment: Moment, _ process: RunningProgram, _ progress: RunProgress, startUpSeconds: Double
    ) throws {
        let first = progress.checkpoints.last ?? 0
        switch moment {
        case .startUp(let share):
            // On a machine that has become faster meanwhile, the first checkpoint ends the start.
            _ = try process.wait {
                process.seconds > 0.02 + share * startUpSeconds || progress.checkpoints.last ?? 0 > first
            }
        case .updates(let count, let seconds):
            if try process.wait(until: { progress.hasLogged(since: process) && progress.update >= first + count }) {
                usleep(UInt32(seconds * 1e6))
            }
        case .saving(let count):
            // Halted first: what is seen is then still so when the kill comes.
            while try process.wait(until: { (progress.filesOfUnfinishedCheckpoint ?? -1) >= count }) {
                if process.halt(), progress.filesOfUnfinishedCheckpoint != nil { return }
                process.send(SIGCONT)
            }
        case .finishing(let seconds):
            if try process.wait(until: { progress.checkpoints.last == Workplace.updates }) {
                usleep(UInt32(seconds * 1e6))
            }
        }
    }

    @Test("A request to stop saves, says so with its status, and the run goes on", arguments: Training.allCases)
    func stops(_ training: Training) throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            let progress = RunProgress(run: run)
            let command = training.command(place, run: run)
            var updates: [Int] = []
            for (signal, status) in [(SIGTERM, Int32(75)), (SIGINT, 130), (SIGUSR1, 75)] {
                let process = try RunningProgram(command)
                let first = progress.checkpoints.last ?? 0
                #expect(try process.wait { progress.hasLogged(since: process) && progress.update >= first + 5 })
                process.send(signal)
                #expect(try process.wait() == .status(status), "\(process.errors)")
                #expect(process.errors.contains("the same command continues the run"))
                // All that was computed is saved.
                #expect(progress.checkpoints.last == progress.update)
                updates.append(progress.update)
            }
            #expect(updates == updates.sorted() && Set(updates).count == 3)
            let last = try Program.run(command)
            #expect(last.ending == .status(0), "\(last.errors)")
            #expect(last.errors.contains("continuing after update \(updates[2])"))
            let expected = try RunContents(training.undisturbed(place))
            let differences = try RunContents(run).differences(from: expected)
            #expect(differences.filter { $0.contains("step-\(Workplace.updates)/") || $0.contains("model/") } == [])
            #expect(!differences.contains("metrics.jsonl"))
        }
    }

    @Test func `A request to stop while the program starts leaves a run that can begin`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            let command = Training.pretraining.command(place, run: run)
            var random = SeededRandom(seed: 13)
            for signal in [SIGTERM, SIGINT, SIGTERM, SIGINT] {
                let process = try RunningProgram(command)
                usleep(.random(in: 20_000...400_000, using: &random))
                process.send(signal)
                let ending = try process.wait()
                let expected: [Ending] = [.signal(signal), .status(signal == SIGINT ? 130 : 75)]
                #expect(expected.contains(ending), "\(ending): \(process.errors)")
            }
            #expect(try Program.run(command).ending == .status(0))
            let weights = "model/last/weights.safetensors"
            #expect(
                try Data(contentsOf: run.appending(path: weights))
                    == Data(contentsOf: place.pretrained.appending(path: weights)))
        }
    }

    @Test func `A run that is under way is not entered by a second process`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            let command = Training.pretraining.command(place, run: run)
            let first = try RunningProgram(command)
            #expect(try first.wait { RunProgress(run: run).update > 0 })
            #expect(first.halt())
            let second = try Program.run(command)
            #expect(second.ending == .status(1))
            #expect(second.errorLines.count == 1 && second.errors.contains("in use by process"), "\(second.errors)")
            first.send(SIGCONT)
            #expect(try first.wait() == .status(0), "\(first.errors)")
        }
    }

    @Test func `A run that goes on with another corpus than it began with says so`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let (run, corpus) = (folder.appending(path: "run"), folder.appending(path: "corpus"))
            try FileManager.default.copyItem(at: place.pretrained, to: run)
            let same = try Program.run(Workplace.pretraining(corpus: place.corpus, run: run))
            #expect(same.ending == .status(0) && !same.errors.contains("warning"), "\(same.errors)")
            try Workplace.record(into: folder.appending(path: "sounds"), count: 2)
            let scan = try Program.run(["scan", folder.appending(path: "sounds").path, "--corpus", corpus.path])
            #expect(scan.ending == .status(0), "\(scan.errors)")
            let other = try Program.run(Workplace.pretraining(corpus: corpus, run: run))
            #expect(other.ending == .status(0), "\(other.errors)")
            #expect(
                other.errors.contains("warning: the corpus is not the one this run learned from so far"),
                "\(other.errors)")
        }
    }

    @Test func `A damaged checkpoint is passed over, named, and costs only the work since the one before`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            try FileManager.default.copyItem(at: place.pretrained, to: run)
            let newest = "checkpoints/step-\(Workplace.updates)"
            try flipByte(of: run.appending(path: "\(newest)/weights.safetensors"))
            let command = Training.pretraining.command(place, run: run)
            let answer = try Program.run(command)
            #expect(answer.ending == .status(0), "\(answer.errors)")
            let warning = answer.errorLines.first { $0.hasPrefix("warning: ") } ?? ""
            #expect(warning.contains("\(newest)/weights.safetensors"), "\(answer.errors)")
            #expect(warning.contains("older checkpoint"))
            #expect(answer.errors.contains("continuing after update \(Workplace.updates - 2)"))
            #expect(try RunContents(run).differences(from: RunContents(place.pretrained)) == [])

            for step in RunProgress(run: run).checkpoints {
                try flipByte(of: run.appending(path: "checkpoints/step-\(step)/optimizer.safetensors"))
            }
            let refusal = try Program.run(command)
            #expect(refusal.ending == .status(1))
            #expect(refusal.errorLines.count == 1 && refusal.errors.contains("checkpoints are damaged"))
        }
    }
}

extension RunProgress {
    /// Whether a process has written to the log: before that, the log may tell of updates that were lost in a kill.
    fileprivate func hasLogged(since process: RunningProgram) -> Bool {
        let log = run.appending(path: "metrics.jsonl").path
        let changed = try? FileManager.default.attributesOfItem(atPath: log)[.modificationDate] as? Date
        return changed.map { $0 > process.startDate } ?? false
    }
}

/// Changes one bit in the middle of a file.
func flipByte(of file: URL) throws {
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count / 2] ^= 0x10
    try bytes.write(to: file)
}
