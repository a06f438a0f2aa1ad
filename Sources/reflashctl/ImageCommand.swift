import ArgumentParser
import BenchModel
import Crypto
import Firmware
import Foundation
import TerminalView

/// `reflashctl image`.
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Look into firmware images, without a daemon.", subcommands: [Inspect.self, Wrap.self])

    struct Inspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every header field, the hashes, and what is wrong.",
            discussion: """
                Exit status 1 if anything is wrong with the image.

                EXAMPLES
                  reflashctl image inspect release.zigbee
                  reflashctl image inspect release.zigbee --json | jq -r .manufacturerImageHash
                """)

        @Argument(help: "A GBCS OTA Upgrade Image, an MCUboot image or a DFU file.") var file: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await complaining {
                let report = ImageReport(ImageInspection(try MappedFile(file)))
                if output.json {
                    try output.printJSON(report)
                } else {
                    for line in Details(style: output.style).lines(report, path: file) { Terminal.print(line) }
                }
                if !report.problems.isEmpty { throw ExitCode.failure }
            }
        }
    }

    struct Wrap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wrap a Manufacturer Image into a GBCS OTA Upgrade Image.",
            discussion: """
                EXAMPLES
                  reflashctl image wrap app.signed.bin release.zigbee --manufacturer-code AB01 --image-type 0001 \\
                    --file-version 0002012F --hardware 0100-01FF --key manufacturer.pem
                """)

        @Argument(help: "The Manufacturer Image.") var input: String
        @Argument(help: "The OTA Upgrade Image to be written.") var out: String
        @Option(help: "4 hex digits.", transform: code) var manufacturerCode: UInt16
        @Option(help: "4 hex digits.", transform: code) var imageType: UInt16
        @Option(help: "GBCS firmware version, 8 hex digits.", transform: version) var fileVersion: FirmwareVersion
        @Option(help: "First and last hardware version, 4 hex digits each, 0100-01FF say.", transform: range)
        var hardware: ClosedRange<HardwareVersion>
        @Option(help: "Text for the header, at most 32 characters.") var headerString = ""
        @Option(help: "The manufacturer's P-256 private key, PEM.") var key: String

        func run() async throws {
            try await complaining {
                let builder = OTAImageBuilder(
                    manufacturerCode: manufacturerCode, imageType: imageType, fileVersion: fileVersion, hardware: hardware,
                    headerString: headerString)
                let content = try MappedFile(input)
                let pem = try String(contentsOfFile: key, encoding: .utf8)
                let privateKey = try P256.Signing.PrivateKey(pemRepresentation: pem)
                let image = try builder.build(manufacturerImage: content.bytes(0..<content.count)) { bytes in
                    Array(try privateKey.signature(for: bytes).rawRepresentation)
                }
                try Data(image).write(to: URL(filePath: out), options: .atomic)
            }
        }

        private static func code(_ text: String) throws -> UInt16 {
            guard text.utf8.count == 4, let code = Hex.number(Array(text.utf8), as: UInt16.self) else {
                throw ValidationError("expected 4 hex digits, found '\(text)'")
            }
            return code
        }

        private static func version(_ text: String) throws -> FirmwareVersion {
            guard let version = FirmwareVersion(text) else {
                throw ValidationError("expected a firmware version of 8 hex digits, found '\(text)'")
            }
            return version
        }

        private static func range(_ text: String) throws -> ClosedRange<HardwareVersion> {
            guard let range = HardwareVersion.range(text) else {
                throw ValidationError("expected a range such as 0100-01FF, found '\(text)'")
            }
            return range
        }
    }
}
