import ArgumentParser
import BenchModel
import BenchWire
import Foundation
import Journal
import TerminalView

// What a bench vouches for, and proofs that rest on that.

/// Files of checkpoints and proofs.
enum JournalFiles {
    static func checkpoint(_ path: String) throws -> Checkpoint { try read(path, "a checkpoint") }

    /// A journal's file as it is, or an archive's for as long as `body` needs it.
    static func reading<Value>(_ file: String, _ body: (String) throws(JournalError) -> Value) throws(JournalError) -> Value {
        file.hasSuffix(".gz") ? try JournalArchive.reading(file, body) : try body(file)
    }

    static func proof(_ path: String) throws -> JournalProof { try read(path, "a proof") }

    private static func read<Value: Decodable>(_ path: String, _ what: String) throws -> Value {
        let data = try Data(contentsOf: URL(filePath: path))
        do { return try JSONDecoder().decode(Value.self, from: data) } catch {
            throw Complaint("\(path): expected \(what) as 'reflashctl journal' writes it, found something else")
        }
    }

    /// How old the last checkpoint is.
    static func line(_ result: JournalVerification, now: Date = .now) -> String {
        guard let last = result.lastCheckpoint else {
            return "no checkpoint: nothing vouches for its end ('reflashctl journal checkpoint')"
        }
        let strategy = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let age = (try? Date(last.utc, strategy: strategy)).map { Int(now.timeIntervalSince($0)) / 60 }
        let words = age.map { $0 < 120 ? "\($0) min" : $0 < 2880 ? "\($0 / 60) h" : "\($0 / 1440) days" } ?? "?"
        return "\(result.checkpoints) \(result.checkpoints == 1 ? "checkpoint" : "checkpoints"), the last of event \(last.event), "
            + "\(words) ago, by key \(last.key)"
    }
}

extension JournalCommand {
    struct MakeCheckpoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "checkpoint", abstract: "Let the bench sign its journal's head now, and print that: to be kept elsewhere.",
            discussion: """
                The bench does this by itself once a day and when a consignment is closed, and copies it to the config's 'checkpoints'.

                EXAMPLES
                  reflashctl journal checkpoint > rack-a.checkpoint.json
                """)
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let checkpoint: Checkpoint = try await options.client.post("journal/checkpoint")
                Terminal.write(checkpoint.json)
            }
        }
    }

    struct Prove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a proof that a unit's outcome, or an event, is in what the bench has signed.",
            discussion: """
                EXAMPLES
                  reflashctl journal prove --unit 00-DB-12-34-56-78-90-A2 > outcome.proof.json
                  reflashctl journal prove /var/lib/reflash/journal.sqlite --event 4711
                """)
        @Argument(help: "The journal's file, or an archive's. Default: that of the running daemon.") var file: String?
        @Option(help: "The unit whose last outcome is proven.") var unit: EUI64?
        @Option(help: "The event that is proven.") var event: Int64?
        @OptionGroup var options: BenchOptions

        func validate() throws {
            guard (unit == nil) != (event == nil) else { throw ValidationError("expected one of --unit and --event") }
        }

        func run() async throws {
            try await complaining {
                let path: String
                if let file { path = file } else { path = (try await options.client.get("status", as: BenchStatus.self)).journal }
                let proof = try JournalFiles.reading(path) { path throws(JournalError) in
                    let number = if let unit { try JournalProof.outcome(of: unit, in: path) } else { event ?? 0 }
                    return try JournalProof.of(number, in: path)
                }
                try options.output.printJSON(proof)
            }
        }
    }

    struct VerifyProof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify-proof", abstract: "Check a proof, with nothing but the proof and the bench's public key.",
            discussion: """
                Exit status 0 if the event is in what the bench has signed, 1 if not. Without --key it only says whose key it was.

                EXAMPLES
                  reflashctl journal verify-proof outcome.proof.json --key 8f3c…
                """)
        @Argument(help: "The proof.", completion: .file()) var file: String
        @Option(help: "The bench's public key, 64 hex digits, as it is known from elsewhere.") var key: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await complaining {
                let proof = try JournalFiles.proof(file)
                if let fault = proof.fault(key: key) { throw Complaint("\(file): PROVES NOTHING: \(fault)") }
                if output.json { return try output.printJSON(proof) }
                let event = proof.event
                let place = [event.slot, event.unit].compactMap(\.self).joined(separator: " ")
                Terminal.print("\(file): event \(event.number), \(event.utc), \(event.kind) \(place)")
                Terminal.print("  \(event.payload)")
                let checkpoint = proof.checkpoint
                Terminal.print("is in what \(checkpoint.bench) signed on \(checkpoint.utc) with key \(checkpoint.key)")
                if key == nil { Terminal.print("whether that is the bench's key, only --key can tell") }
            }
        }
    }
}
