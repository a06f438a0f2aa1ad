import ArgumentParser
import BenchModel
import BenchWire
import Firmware
import Foundation
import TerminalView

/// How a decision is signed, and where it goes.
struct StatementOptions: ParsableArguments {
    @Option(help: "The supervisor's private key, PEM: the decision is signed.") var key: String?
    @Option(help: "The supervisor's certificate, PEM; those between it and the root may follow.") var certificate: String?
    @Option(help: "Write the signed statement to this file, for 'release import', and send it nowhere.") var out: String?
    @Option(help: "Write the bytes that are to be signed to this file, and do nothing else.") var writeStatement: String?
    @Option(help: "The bench that it is for. Default: the one that is asked.") var bench: String?
    @Flag(help: "It is for every bench that trusts its signer.") var everyBench = false
    @OptionGroup var options: BenchOptions

    func validate() throws {
        guard (key == nil) == (certificate == nil) else { throw ValidationError("give --key and --certificate together") }
        guard key != nil || out == nil else { throw ValidationError("--out needs --key and --certificate") }
        guard key == nil || writeStatement == nil else { throw ValidationError("give --key or --write-statement") }
        guard bench == nil || !everyBench else { throw ValidationError("give --bench or --every-bench") }
    }

    /// Whether a statement is made; else the word of the role on the socket is given.
    var isSigned: Bool { key != nil || writeStatement != nil }

    /// Makes the statement and gives it where it is to go.
    func deliver(_ content: Statement.Content) async throws {
        let statement = Statement(content, bench: try await benchName(), issuedAt: .now)
        if let writeStatement {
            try Data(try statement.encoded()).write(to: URL(filePath: writeStatement), options: .atomic)
            return
        }
        let signed = try SignedStatement(
            statement, keyPEM: try String(contentsOfFile: key ?? "", encoding: .utf8),
            certificatePEM: try String(contentsOfFile: certificate ?? "", encoding: .utf8), at: .now)
        if let out {
            try Data(signed.archive).write(to: URL(filePath: out), options: .atomic)
            if options.output.json { return try options.output.printJSON(["statement": out, "hash": "\(signed.hash)"]) }
            return Terminal.print("\(out): signed; 'reflashctl release import \(out)' takes it to a bench")
        }
        try show(try await options.client.post("releases", body: signed.archive))
    }

    func show(_ releases: [ReleaseRecord]) throws {
        if options.output.json { return try options.output.printJSON(releases) }
        for line in Details(style: options.output.style).lines(releases) { Terminal.print(line) }
    }

    private func benchName() async throws -> String? {
        if everyBench { return nil }
        if let bench { return bench }
        let description: BenchDescription = try await options.client.get("bench")
        return description.bench
    }

    /// A release's name and manifest hash: of a bundle's file, or of what the bench has imported.
    func reference(_ release: String) async throws -> (name: String, hash: SHA256Value) {
        guard FileManager.default.fileExists(atPath: release) else {
            let record: ReleaseRecord = try await options.client.get("releases/\(release.escaped)")
            return (record.release, record.manifestHash)
        }
        let bundle = try ReleaseBundle(path: release)
        guard let file = bundle[ReleaseBundle.manifestName] else {
            throw Complaint("\(release): expected \(ReleaseBundle.manifestName) in the bundle, found none")
        }
        let bytes = file.bytes(0..<file.count)
        return (try ReleaseManifest(json: bytes).release, SHA256Value.of(bytes))
    }
}

extension String {
    /// As one part of a URL's path.
    var escaped: String { addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? self }
}
