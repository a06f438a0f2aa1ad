public import BenchModel
public import Foundation

/// A statement with its signature: a tar archive of `statement.json` and `statement.p7s`, a detached CMS signature of it.
///
/// Nothing in it is trusted before ``signer(trust:at:)`` has found whose it is.
public struct SignedStatement: Sendable {
    /// What is said.
    public let statement: Statement
    /// SHA-256 of the statement's bytes: its identity.
    public let hash: SHA256Value
    /// The archive.
    public let archive: [UInt8]
    private let json: [UInt8]
    private let signature: [UInt8]

    /// Bytes of an archive.
    public static let mostBytes = 256 << 10

    /// Whether an archive holds a statement, and not a release.
    public static func isHeld(in bundle: ReleaseBundle) -> Bool { bundle[Statement.file] != nil }

    /// Reads an archive.
    /// - Throws: ``FirmwareProblem``.
    public init(archive: [UInt8]) throws(FirmwareProblem) {
        guard archive.count <= Self.mostBytes else {
            throw FirmwareProblem(
                .statementMalformed, at: nil, field: "archive", expected: "at most \(Self.mostBytes) bytes", found: "\(archive.count)")
        }
        let bundle = try ReleaseBundle(archive: MemoryBytes(archive))
        guard bundle.names == [Statement.file, Statement.signatureFile], let json = bundle[Statement.file],
            let signature = bundle[Statement.signatureFile]
        else {
            throw FirmwareProblem(
                .statementMalformed, at: nil, field: "archive",
                expected: "\(Statement.file) and \(Statement.signatureFile), and nothing else",
                found: bundle.names.isEmpty ? "no files" : bundle.names.joined(separator: ", "))
        }
        self.archive = archive
        self.json = json.bytes(0..<json.count)
        self.signature = signature.bytes(0..<signature.count)
        statement = try Statement(json: self.json)
        hash = SHA256Value.of(self.json)
    }

    /// Signs a statement with a key in PEM.
    /// - Throws: ``FirmwareProblem``.
    public init(_ statement: Statement, keyPEM: String, certificatePEM: String, at time: Date) throws(FirmwareProblem) {
        let json = try statement.encoded()
        try self.init(
            json: json, signature: try DetachedSignature(of: json, keyPEM: keyPEM, certificatePEM: certificatePEM, at: time).bytes)
    }

    /// Puts together what was signed elsewhere.
    /// - Throws: ``FirmwareProblem``.
    public init(json: [UInt8], signature: [UInt8]) throws(FirmwareProblem) {
        try self.init(archive: TarWriter.archive([(Statement.file, json), (Statement.signatureFile, signature)]))
    }

    /// Whose statement it is, if it is valid at `time`.
    /// - Throws: ``FirmwareProblem``, as ``DetachedSignature/signer(of:trust:at:)``.
    public func signer(trust: ReleaseTrust, at time: Date) async throws(FirmwareProblem) -> SignerFound {
        try await DetachedSignature(signature, name: Statement.signatureFile, of: Statement.file).signer(of: json, trust: trust, at: time)
    }
}
