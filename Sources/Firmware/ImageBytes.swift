public import BenchModel
internal import Crypto

/// The bytes of an image file, wherever they lie.
public protocol ImageBytes: Sendable {
    var count: Int { get }
    /// A copy of the bytes in `range`, which lies within `0..<count`.
    func bytes(_ range: Range<Int>) -> [UInt8]
    /// Lends the bytes in `range`, which lies within `0..<count`, without a copy.
    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

extension ImageBytes {
    /// SHA-256 of the bytes in `range`.
    public func sha256(_ range: Range<Int>) -> SHA256Value {
        SHA256Value(digest: digest(range, SHA256.self))
    }

    func digest<Hash: HashFunction>(_ range: Range<Int>, _ type: Hash.Type) -> [UInt8] { Array(hashed(range, type)) }

    func hashed<Hash: HashFunction>(_ range: Range<Int>, _: Hash.Type) -> Hash.Digest {
        var hash = Hash()
        unsafe withBytes(range) { unsafe hash.update(bufferPointer: $0) }
        return hash.finalize()
    }
}

extension SHA256Value {
    /// SHA-256 of `bytes`.
    public static func of(_ bytes: [UInt8]) -> SHA256Value {
        SHA256Value(digest: Array(SHA256.hash(data: bytes)))
    }

    /// A digest that SHA-256 itself made.
    fileprivate init(digest: [UInt8]) {
        guard let value = SHA256Value(bytes: digest) else { preconditionFailure("SHA-256 has 32 bytes") }
        self = value
    }
}

/// Image bytes that lie in memory: images under construction, and tests.
public struct MemoryBytes: ImageBytes, ComponentContent {
    /// All of the bytes.
    public let storage: [UInt8]

    public init(_ storage: [UInt8]) { self.storage = storage }

    /// Bytes in it.
    public var count: Int { storage.count }

    public func bytes(_ range: Range<Int>) -> [UInt8] { Array(storage[range]) }

    public func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe storage.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    public func append(_ range: Range<Int>, to buffer: inout [UInt8]) { buffer.append(contentsOf: storage[range]) }
}
