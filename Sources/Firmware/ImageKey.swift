internal import BenchModel
internal import Crypto
internal import SwiftASN1
internal import X509
internal import _CryptoExtras

/// A public key that images are signed with: ECDSA P-256 or P-384, Ed25519, RSA of 2048 or 3072 bits.
public struct ImageKey: Sendable, CustomStringConvertible {
    /// What it is called in messages: the name of its file.
    public let name: String
    /// The algorithm, as MCUboot names it.
    public let algorithm: Algorithm
    private let key: Key
    /// What MCUboot hashes for the KEYHASH TLV: PKCS #1 for RSA, SubjectPublicKeyInfo for the others (imgtool `get_public_bytes`).
    private let encoded: [UInt8]

    /// Which signatures a key makes.
    public enum Algorithm: String, Sendable, CaseIterable {
        /// ECDSA on P-256 over SHA-256.
        case ecdsaP256 = "ecdsa-p256"
        /// ECDSA on P-384 over SHA-384.
        case ecdsaP384 = "ecdsa-p384"
        /// Ed25519 over the SHA-256 or SHA-512 of what is signed, or over that itself.
        case ed25519
        /// RSA-PSS of 2048 bits with SHA-256.
        case rsa2048 = "rsa-2048"
        /// RSA-PSS of 3072 bits with SHA-256.
        case rsa3072 = "rsa-3072"
    }

    private enum Key: Sendable {
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
    }

    /// - Throws: ``FirmwareProblem`` of code `key-unusable` where `pem` is no public key of a kind that images are signed with.
    public init(pem: String, name: String) throws(FirmwareProblem) {
        self.name = name
        let parsed: Certificate.PublicKey
        do { parsed = try Certificate.PublicKey(pemEncoded: pem) } catch { throw Self.unusable(name, "\(error)") }
        // SubjectPublicKeyInfo, DER.
        guard let der = try? parsed.serializeAsPEM().derBytes else { throw Self.unusable(name, "\(parsed)") }
        if let key = P256.Signing.PublicKey(parsed) {
            (self.key, algorithm, encoded) = (.p256(key), .ecdsaP256, der)
        } else if let key = P384.Signing.PublicKey(parsed) {
            (self.key, algorithm, encoded) = (.p384(key), .ecdsaP384, der)
        } else if let key = Curve25519.Signing.PublicKey(parsed) {
            (self.key, algorithm, encoded) = (.ed25519(key), .ed25519, der)
        } else if let key = _RSA.Signing.PublicKey(parsed), let algorithm = Self.rsa[key.keySizeInBits] {
            (self.key, self.algorithm, encoded) = (.rsa(key), algorithm, Array(key.pkcs1DERRepresentation))
        } else {
            throw Self.unusable(name, "\(parsed)")
        }
    }

    public var description: String { "\(name) (\(algorithm.rawValue))" }

    private static let rsa: [Int: Algorithm] = [2048: .rsa2048, 3072: .rsa3072]

    private static func unusable(_ name: String, _ found: String) -> FirmwareProblem {
        FirmwareProblem(
            .keyUnusable, at: nil, field: name,
            expected: "a public key in PEM: \(Algorithm.allCases.map(\.rawValue).joined(separator: ", "))", found: found)
    }

    // MARK: Signatures

    /// Whether `digest` of the key, by the hash that made it, is the value of a KEYHASH TLV.
    func hasHash(_ value: [UInt8]) -> Bool {
        switch value.count {
        case SHA256.byteCount: Array(SHA256.hash(data: encoded)) == value
        case SHA384.byteCount: Array(SHA384.hash(data: encoded)) == value
        case SHA512.byteCount: Array(SHA512.hash(data: encoded)) == value
        default: false
        }
    }

    /// Whether the key is the value of a PUBKEY TLV.
    func isEncoded(as value: [UInt8]) -> Bool { encoded == value }

    /// Whether `signature`, as MCUboot stores it, is this key's of what has these digests.
    /// - Parameter message: what is signed, for Ed25519 without a hash before it ("pure"); `nil` for the digest.
    func signed(_ digests: SignedDigests, message: [UInt8]?, _ signature: [UInt8]) -> Bool {
        switch key {
        case .p256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            // Most images have the same hash in their hash TLV.
            guard let known = KnownSHA256(digests.stored) else { return key.isValidSignature(signature, for: digests.sha256) }
            return key.isValidSignature(signature, for: known)
        case .p384(let key):
            guard let signature = try? P384.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: digests.sha384)
        case .ed25519(let key):
            return key.isValidSignature(signature, for: message ?? digests.stored)
        case .rsa(let key):
            return key.isValidSignature(.init(rawRepresentation: signature), for: digests.sha256, padding: .PSS)
        }
    }

    /// Whether `rs`, the 64 bytes r‖s of GBCS, is this key's ECDSA P-256 / SHA-256 signature of what has this hash.
    func signedRaw(_ hash: SHA256Value, _ rs: [UInt8]) -> Bool {
        guard case .p256(let key) = key, let signature = try? P256.Signing.ECDSASignature(rawRepresentation: rs),
            let digest = KnownSHA256(hash.bytes)
        else { return false }
        return key.isValidSignature(signature, for: digest)
    }
}

/// A SHA-256 that was computed before: an image's bytes are hashed once, however many signatures they bear.
private struct KnownSHA256: Digest {
    static let byteCount = 32
    private let bytes: [UInt8]

    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    var description: String { Hex.lowercase(bytes) }

    func makeIterator() -> Array<UInt8>.Iterator { bytes.makeIterator() }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try unsafe bytes.withUnsafeBytes(body)
    }
}

/// What signatures of an image are made of.
struct SignedDigests {
    private let image: any ImageBytes
    private let span: Range<Int>
    /// The value of the image's hash TLV, which was found to be right.
    let stored: [UInt8]

    init(_ image: any ImageBytes, _ span: Range<Int>, stored: [UInt8]) {
        self.image = image
        self.span = span
        self.stored = stored
    }

    var sha256: SHA256.Digest { image.hashed(span, SHA256.self) }
    var sha384: SHA384.Digest { image.hashed(span, SHA384.self) }
}
