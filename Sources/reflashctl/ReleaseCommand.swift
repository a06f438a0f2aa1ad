import ArgumentParser
import BenchModel
import ConfigFiles
import Firmware
import Foundation
import TerminalView

/// `reflashctl release`.
struct ReleaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Make, sign, check, import and approve releases.",
        discussion: """
            A release is a signed bundle: a manifest, the images, and a detached CMS signature of the manifest. It is a folder, or a tar
            archive of the same files.

            EXAMPLES
              reflashctl release make autumn.yaml autumn.tar
              reflashctl release sign autumn.tar --key releaser.pem --certificate releaser.crt
              reflashctl release verify autumn.tar --roots roots/ --image-keys keys/
              reflashctl release import autumn.tar
              reflashctl release approve autumn-2026 --variant 4G --key supervisor.pem --certificate supervisor.crt
            """,
        subcommands: [
            Make.self, Sign.self, Verify.self, Import.self, List.self, Show.self, Approve.self, Withdraw.self, CheckOff.self, Revoke.self,
            Trust.self,
        ])

    struct Make: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a bundle from images and a description, not signed yet.",
            discussion: """
                What can be read from the images is read from them; the description says the rest. The same input makes the same bytes,
                if the description says when it was issued.

                EXAMPLES
                  reflashctl release make autumn.yaml autumn.tar
                  reflashctl release make autumn.yaml autumn.tar && tar -xOf autumn.tar manifest.json
                """)

        @Argument(help: "The description (YAML).") var description: String
        @Argument(help: "The tar archive to be written.") var out: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await complaining {
                let draft = try ReleaseDescriptionFile.load(description, now: Date.now.formatted(.iso8601))
                let made = try draft.made()
                let archive = ReleaseBundle.archive(manifest: made.manifest, signature: nil, files: made.files)
                try Data(archive).write(to: URL(filePath: out), options: .atomic)
                if output.json {
                    Terminal.print(String(decoding: made.manifest.dropLast(), as: UTF8.self))
                } else {
                    Terminal.print("\(out): \(draft.release), \(made.files.count) images; sign it with 'reflashctl release sign \(out)'")
                }
            }
        }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a bundle's manifest, or take in a signature that was made elsewhere.",
            discussion: """
                With --key the signature is made here. With --signature it was made by something else, an HSM say: an ECDSA P-256 / SHA-256
                signature, DER, of the manifest's exact bytes, which --write-manifest writes. With --cms it is a whole detached CMS signature:
                  openssl cms -sign -binary -outform DER -in manifest.json -signer releaser.crt -inkey releaser.pem -out manifest.p7s

                EXAMPLES
                  reflashctl release sign autumn.tar --key releaser.pem --certificate releaser.crt
                  reflashctl release sign autumn.tar --write-manifest manifest.json
                  reflashctl release sign autumn.tar --signature manifest.sig --certificate releaser.crt
                  reflashctl release sign autumn.tar --cms manifest.p7s
                """)

        @Argument(help: "The bundle: a tar archive; it is replaced.") var bundle: String
        @Option(help: "The releaser's private key, PEM.") var key: String?
        @Option(help: "The releaser's certificate, PEM; those between it and the root may follow.") var certificate: String?
        @Option(help: "An ECDSA signature of the manifest, DER.") var signature: String?
        @Option(help: "A detached CMS signature of the manifest, DER.") var cms: String?
        @Option(help: "Write the bytes that are to be signed, and do nothing else.") var writeManifest: String?
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard [key, signature, cms, writeManifest].compactMap(\.self).count == 1 else {
                throw ValidationError("give one of --key, --signature, --cms and --write-manifest")
            }
            guard key == nil && signature == nil || certificate != nil else { throw ValidationError("give --certificate") }
        }

        func run() async throws {
            try await complaining {
                let files = try ReleaseBundle(path: bundle)
                guard let manifest = files[ReleaseBundle.manifestName].map({ $0.bytes(0..<$0.count) }) else {
                    throw FirmwareProblem(
                        .bundleEntry, at: nil, field: bundle, expected: ReleaseBundle.manifestName,
                        found: files.names.joined(separator: ", "))
                }
                // Nothing is signed that would be refused for its form.
                let release = try ReleaseManifest(json: manifest).release
                if let writeManifest { return try Data(manifest).write(to: URL(filePath: writeManifest), options: .atomic) }
                let signature = try made(manifest)
                let images = files.names.filter { $0 != ReleaseBundle.manifestName && $0 != ReleaseBundle.signatureName }
                let archive = ReleaseBundle.archive(
                    manifest: manifest, signature: signature.bytes,
                    files: images.compactMap { name in files[name].map { (name, $0.bytes(0..<$0.count)) } })
                try Data(archive).write(to: URL(filePath: bundle), options: .atomic)
                if output.json {
                    return try output.printJSON(Signed(bundle: bundle, release: release, manifestHash: SHA256Value.of(manifest)))
                }
                Terminal.print("\(bundle): \(release) is signed")
            }
        }

        /// What `--json` prints.
        private struct Signed: Encodable {
            let bundle, release: String
            let manifestHash: SHA256Value
        }

        private func made(_ manifest: [UInt8]) throws -> DetachedSignature {
            func text(_ path: String?) throws -> String { try String(contentsOfFile: path ?? "", encoding: .utf8) }
            if let cms { return DetachedSignature(Array(try Data(contentsOf: URL(filePath: cms)))) }
            if let signature {
                return try DetachedSignature(
                    of: manifest, external: Array(try Data(contentsOf: URL(filePath: signature))), certificatePEM: try text(certificate))
            }
            return try DetachedSignature(of: manifest, keyPEM: try text(key), certificatePEM: try text(certificate), at: .now)
        }
    }
}
