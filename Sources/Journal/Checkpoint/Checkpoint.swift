public import BenchModel
internal import Crypto
internal import Foundation

/// What a bench vouches for: its journal's head, and with it every event before. Signed; kept in the journal, and elsewhere.
public struct Checkpoint: Hashable, Sendable, Codable {
    /// The bench's name.
    public var bench: String
    /// The number of the last event that it vouches for.
    public var event: EventNumber
    /// That event's hash, and so the whole chain's.
    public var hash: SHA256Value
    /// The root of the Merkle tree of all events' hashes (RFC 9162 §2.1), by which one event can be proven without the others.
    public var tree: SHA256Value
    /// When it was made, UTC with milliseconds.
    public var utc: String
    /// The bench's public key: Ed25519 (RFC 8032), 32 bytes, lower-case hex.
    public var key: String
    /// Ed25519 over ``signedBytes``, 64 bytes, lower-case hex.
    public var signature: String

    /// What is signed: these lines, UTF-8, each ended by LF.
    var signedBytes: [UInt8] {
        Array("reflash checkpoint 1\n\(bench)\n\(event)\n\(hash)\n\(tree)\n\(utc)\n".utf8)
    }

    /// Whether its signature is that of its key.
    public var isSigned: Bool {
        BenchKey.isSignature(signature, by: key, over: signedBytes)
    }

    /// As a file: JSON with sorted keys.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "") + "\n"
    }
}

/// The key by which a bench signs its checkpoints: in a file that only the daemon's user reads.
public struct BenchKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    /// Reads the key, and makes one where there is none.
    /// - Throws: ``JournalError``.
    public init(path: String) throws(JournalError) {
        do {
            if FileManager.default.fileExists(atPath: path) {
                let text = try String(contentsOfFile: path, encoding: .utf8).filter { !$0.isWhitespace }
                guard let raw = Hex.bytes(text), let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: raw) else {
                    throw JournalError.storage(path: path, "expected a bench key of 64 hex digits; restore it from a copy")
                }
                self.key = key
                return
            }
            let key = Curve25519.Signing.PrivateKey()
            let data = Data((Hex.lowercase(Array(key.rawRepresentation)) + "\n").utf8)
            guard FileManager.default.createFile(atPath: path, contents: data, attributes: [.posixPermissions: 0o600]) else {
                throw JournalError.readOnly(path: path)
            }
            self.key = key
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// The public half, lower-case hex.
    public var publicKey: String { Hex.lowercase(Array(key.publicKey.rawRepresentation)) }

    func sign(_ checkpoint: inout Checkpoint) throws {
        checkpoint.key = publicKey
        checkpoint.signature = try signature(over: checkpoint.signedBytes)
    }

    func signature(over bytes: [UInt8]) throws -> String { Hex.lowercase(Array(try key.signature(for: bytes))) }

    /// Whether a signature of 64 bytes is that of a public key of 32 bytes, both hex.
    static func isSignature(_ signature: String, by key: String, over bytes: [UInt8]) -> Bool {
        guard let raw = Hex.bytes(key), let signature = Hex.bytes(signature),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw)
        else { return false }
        return key.isValidSignature(signature, for: bytes)
    }
}

extension JournalEvent {
    /// Payload of `checkpoint`.
    public struct CheckpointMade: Codable, Sendable {
        /// What is vouched for.
        public var checkpoint: Checkpoint
        /// Why it was made: `consignment-closed`, `daily`, `asked`.
        public var why: String
        /// The right edge of the tree: roots of whole subtrees, the largest first, lower-case hex.
        var frontier: [String]
    }

    /// What a `checkpoint` event vouches for; `nil` for other kinds.
    public static func checkpoint(of record: EventRecord) throws -> Checkpoint? {
        record.kind == "checkpoint" ? try JSONText.decode(record.payload, as: CheckpointMade.self).checkpoint : nil
    }
}
