import ArgumentParser
import Foundation

extension ParsableCommand {
    /// What the `main` of a program does: the command that was typed, or one line that says why not.
    public static func start() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let exit as ExitCode {
            Foundation.exit(exit.rawValue)
        } catch {
            // What the parser does not understand it explains itself; everything else is one line.
            if error is CleanExit || "\(type(of: error))" == "CommandError" { exit(withError: error) }
            printError("animal2vec: \(error)")
            Foundation.exit(error is ValidationError ? ExitCode.validationFailure.rawValue : 1)
        }
    }
}

/// Prints a line to standard error.
public func printError(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
