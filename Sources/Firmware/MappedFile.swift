public import BenchModel

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file's bytes in memory, read once and shared by any number of sessions.
///
/// They are a read-only mapping of their own, not of the file: what was hashed is what is streamed, even if somebody
/// writes into the file or cuts it short meanwhile.
///
/// Sendable: the mapping is read-only and its address and length never change after `init`.
@safe
public final class MappedFile: ImageBytes, @unchecked Sendable {
    /// The file.
    public let path: String
    /// Bytes in it.
    public let count: Int
    private let base: UnsafeRawBufferPointer

    /// - Throws: ``FirmwareProblem`` when the file is missing, unreadable, empty or no plain file.
    public convenience init(_ path: String) throws(FirmwareProblem) { try self.init(path, limit: .max, flags: 0) }

    /// A file that somebody else put there: no link, no more than `limit` bytes.
    convenience init(foreign path: String, limit: Int) throws(FirmwareProblem) {
        try self.init(path, limit: limit, flags: O_NOFOLLOW | O_NONBLOCK)
    }

    private init(_ path: String, limit: Int, flags: CInt) throws(FirmwareProblem) {
        self.path = path
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | flags)
        guard descriptor >= 0 else { throw Self.unreadable(path, "open: \(Self.lastError)") }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else {
            close(descriptor)
            throw Self.unreadable(path, "an empty file, or no plain file")
        }
        let count = Int(status.st_size)
        guard count <= limit else {
            close(descriptor)
            throw Self.unreadable(path, "\(count) bytes, where at most \(limit) can be")
        }
        defer { close(descriptor) }
        let mapping = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address = unsafe mapping, unsafe address != MAP_FAILED else {
            throw Self.unreadable(path, "mmap: \(Self.lastError)")
        }
        var filled = 0
        while filled < count {
            let read = unsafe read(descriptor, address + filled, count - filled)
            guard read > 0 else {
                let found = read == 0 ? "the file became shorter while it was read" : "read: \(Self.lastError)"
                unsafe munmap(address, count)
                throw Self.unreadable(path, found)
            }
            filled += read
        }
        unsafe mprotect(address, count, PROT_READ)
        self.count = count
        unsafe base = UnsafeRawBufferPointer(start: address, count: count)
    }

    deinit {
        unsafe munmap(UnsafeMutableRawPointer(mutating: base.baseAddress), count)
    }

    public func bytes(_ range: Range<Int>) -> [UInt8] {
        unsafe Array(base[range])
    }

    public func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(rebasing: base[range]))
    }

    private static func unreadable(_ path: String, _ found: String) -> FirmwareProblem {
        FirmwareProblem(.unreadable, at: nil, field: path, expected: "a readable image file", found: found)
    }

    private static var lastError: String { unsafe String(cString: strerror(errno)) }
}

/// One component's span of an image, as sessions see it.
public struct ImageSpan: ComponentContent {
    private let image: any ImageBytes
    private let range: Range<Int>

    /// `range` lies within the image.
    public init(_ image: any ImageBytes, _ range: Range<Int>) {
        self.image = image
        self.range = range
    }

    /// Bytes in it.
    public var count: Int { range.count }

    public func append(_ part: Range<Int>, to buffer: inout [UInt8]) {
        let start = range.lowerBound
        buffer.append(contentsOf: image.bytes(start + part.lowerBound..<start + part.upperBound))
    }
}
