import ArgumentParser
import BenchModel
import BenchWire
import Firmware
import Foundation
import TerminalView

extension ReleaseCommand {
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a release, or a signed statement, to the bench.",
            discussion: """
                The bench verifies it before it keeps it. An imported release is not flashed before it is approved. A statement (approval,
                withdrawal, check-off, revocation list) does what it says at once.

                EXAMPLES
                  reflashctl release import autumn.tar
                  reflashctl release import approval.tar
                """)

        @Argument(help: "A tar archive, or a folder with the same files.") var path: String
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let records: [ReleaseRecord] = try await options.client.post("releases", body: try ReleaseBundle(path: path).archive())
                if options.output.json { return try options.output.printJSON(records) }
                for line in Details(style: options.output.style).lines(records) { Terminal.print(line) }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the bench's releases, and which are flashed.",
            discussion: """
                EXAMPLES
                  reflashctl release list
                  reflashctl release list --json | jq -r '.[] | select(.state == "approved") | .release'
                """)

        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let records: [ReleaseRecord] = try await options.client.get("releases")
                if options.output.json { return try options.output.printJSON(records) }
                for line in Details(style: options.output.style).lines(records) { Terminal.print(line) }
                if records.isEmpty { Terminal.print("no releases; 'reflashctl release import' takes one in") }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show everything about a release of the bench.",
            discussion: """
                EXAMPLES
                  reflashctl release show autumn-2026
                """)

        @Argument(help: "The release's name or manifest hash.") var release: String
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let record: ReleaseRecord = try await options.client.get("releases/\(release.escaped)")
                if options.output.json { return try options.output.printJSON(record) }
                for line in Details(style: options.output.style).lines(record) { Terminal.print(line) }
            }
        }
    }

    struct Trust: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show whom the bench believes: subject, fingerprint, expiry.",
            discussion: """
                EXAMPLES
                  reflashctl release trust
                  reflashctl release trust --roots /etc/reflash/roots
                """)

        @Option(help: "A folder of certificates in PEM, or one file, instead of the bench's.") var roots: String?
        @OptionGroup var options: BenchOptions

        func run() async throws {
            try await complaining {
                let details = Details(style: options.output.style)
                if let roots {
                    let certificates = try ReleaseTrust(roots: roots, imageKeys: nil).certificates
                    if options.output.json { return try options.output.printJSON(certificates) }
                    for line in details.lines(certificates, now: .now) { Terminal.print(line) }
                } else {
                    let trust: TrustSummary = try await options.client.get("trust")
                    if options.output.json { return try options.output.printJSON(trust) }
                    for line in details.lines(trust, now: .now) { Terminal.print(line) }
                }
            }
        }
    }
}
