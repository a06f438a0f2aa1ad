import ArgumentParser
import BenchModel
import BenchWire
import Foundation
import TerminalView

/// `reflashctl capsule`.
struct CapsuleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capsule",
        abstract: "Look at what passed on the wire in sessions that failed or ended as unknown.",
        discussion: """
            EXAMPLES
              reflashctl capsule list
              reflashctl capsule show 1042
              reflashctl capsule export 1042 --output stalls-at-block-12.capsule.json
            """,
        subcommands: [List.self, Show.self, Export.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the capsules that are kept, newest first.")
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let capsules: [CapsuleSummary] = try await options.client.get("capsules")
                if options.output.json { return try options.output.printJSON(capsules) }
                for line in CapsuleLines(style: options.output.style).lines(capsules) { Terminal.print(line) }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what passed, exchange after exchange.")
        @Argument(help: "The session's number.") var session: SessionID
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let capsule: CapsuleDetail = try await options.client.get("capsules/\(session)/transcript")
                if options.output.json { return try options.output.printJSON(capsule) }
                for line in CapsuleLines(style: options.output.style).lines(capsule) { Terminal.print(line) }
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give the capsule as it is, to play it again as a test.")
        @Argument(help: "The session's number.") var session: SessionID
        @Option(name: .shortAndLong, help: "The file that is written. Default: standard output.") var output: String?
        @Option(help: "The daemon's socket. Default: $REFLASH_SOCKET, or /run/reflash/reflashd.sock.") var socket: String?

        func run() async throws {
            try await complaining {
                let bytes = try await BenchOptions.client(socket).bytes("capsules/\(session)")
                guard let output else { return Terminal.write(String(decoding: bytes, as: UTF8.self) + "\n") }
                do { try bytes.write(to: URL(filePath: output), options: .atomic) } catch {
                    throw Complaint("\(output): \(error.localizedDescription)")
                }
            }
        }
    }
}
