import ArgumentParser
import Firmware
import Foundation
import TerminalView

extension ReleaseCommand {
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a bundle as a bench would, without one.",
            discussion: """
                Each check is a line with what is wrong. Exit status 0 only if nothing is, and 1 otherwise.

                EXAMPLES
                  reflashctl release verify autumn.tar --roots roots/ --image-keys keys/
                  reflashctl release verify autumn.tar --roots root.pem --image-keys keys/ --products-list cpl.csv --json
                """)

        @Argument(help: "The bundle: a folder or a tar archive.") var bundle: String
        @Option(help: "A folder of root certificates in PEM, or one file.") var roots: String
        @Option(help: "A folder of the public keys that images are signed with, PEM, or one file.") var imageKeys: String?
        @Option(help: "The Central Products List (CSV). Without it that check is left out, which is said.") var productsList: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await complaining {
                let trust = try ReleaseTrust(roots: roots, imageKeys: imageKeys)
                let products = try productsList.map { path in
                    try CentralProductsList(csv: Array(try Data(contentsOf: URL(filePath: path))), name: path)
                }
                let now = Date.now
                let report = ReleaseReport(
                    await ReleaseVerifier(trust: trust, products: products).verify(path: bundle, at: now), products: products != nil,
                    now: now)
                if output.json {
                    try output.printJSON(report)
                } else {
                    for line in Details(style: output.style).lines(report) { Terminal.print(line) }
                }
                if !report.isAcceptable { throw ExitCode.failure }
            }
        }
    }
}
