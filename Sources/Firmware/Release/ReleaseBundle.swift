internal import Foundation

/// The files of a release, from a folder or from a tar archive of the same files: `manifest.json`, `manifest.p7s` and the images.
///
/// Nothing in it is trusted yet. Every file is read once, into memory of its own; what is hashed later is what was read here.
public struct ReleaseBundle: Sendable {
    /// The manifest's file name.
    public static let manifestName = "manifest.json"
    /// The signature's file name.
    public static let signatureName = "manifest.p7s"
    /// Files in a bundle.
    public static let mostFiles = 32
    /// Bytes of one file; no Communications Hub has a larger flash.
    public static let mostBytes = 64 << 20
    /// Bytes of all files together.
    public static let mostBytesTogether = 128 << 20
    /// Bytes of the manifest, and of its signature.
    static let mostManifestBytes = 1 << 20

    private let files: [String: any ImageBytes]

    /// Names of the files, sorted.
    public var names: [String] { files.keys.sorted() }

    /// The content of a file; `nil` where the bundle has none of that name.
    public subscript(name: String) -> (any ImageBytes)? { files[name] }

    /// Reads a folder or a tar archive.
    /// - Throws: ``FirmwareProblem`` for anything in it that a bundle can't hold.
    public init(path: String) throws(FirmwareProblem) {
        var isFolder = false
        do {
            isFolder = try URL(filePath: path).resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true
        } catch {
            throw Self.unreadable(path, error)
        }
        if isFolder {
            try self.init(folder: path)
        } else {
            try self.init(archive: try MappedFile(foreign: path, limit: Self.mostBytesTogether))
        }
    }

    /// Reads a tar archive.
    /// - Throws: ``FirmwareProblem``.
    public init(archive: any ImageBytes) throws(FirmwareProblem) {
        var files: [String: any ImageBytes] = [:]
        for (name, range) in try TarFile(archive).files {
            guard files[name] == nil else {
                throw FirmwareProblem(
                    .bundleEntry, at: range.lowerBound - TarFile.block, field: "tar entry '\(name)'", expected: "each name once",
                    found: "a second file of this name")
            }
            files[name] = ImageSlice(archive, range)
        }
        self.files = files
    }

    private init(folder: String) throws(FirmwareProblem) {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch { throw Self.unreadable(folder, error) }
        guard names.count <= Self.mostFiles else {
            throw FirmwareProblem(
                .bundleEntry, at: nil, field: folder, expected: "at most \(Self.mostFiles) files", found: "\(names.count)")
        }
        var files: [String: any ImageBytes] = [:]
        var left = Self.mostBytesTogether
        for name in names.sorted() {
            let path = folder + "/" + (try Self.checked(name: name, at: nil))
            let file = try MappedFile(foreign: path, limit: min(left, Self.mostBytes))
            left -= file.count
            files[name] = file
        }
        self.files = files
    }

    private static func unreadable(_ path: String, _ error: any Error) -> FirmwareProblem {
        FirmwareProblem(
            .unreadable, at: nil, field: path, expected: "a release bundle: a folder or a tar archive", found: error.localizedDescription)
    }

    /// A name that can lie in any folder and mean nothing but itself.
    static func checked(name: String, at offset: Int?) throws(FirmwareProblem) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isPlain, !name.isEmpty, name.utf8.count < 100, !name.hasPrefix("."), !name.hasPrefix("-") else {
            throw FirmwareProblem(
                .bundleEntry, at: offset, field: "file name",
                expected: "letters, digits, '.', '-' and '_', with no folder before it", found: "'\(name)'")
        }
        return name
    }
}

/// A part of other bytes, as bytes of their own.
struct ImageSlice: ImageBytes {
    private let whole: any ImageBytes
    private let range: Range<Int>

    /// `range` lies within `whole`.
    init(_ whole: any ImageBytes, _ range: Range<Int>) {
        self.whole = whole
        self.range = range
    }

    var count: Int { range.count }

    func bytes(_ part: Range<Int>) -> [UInt8] { whole.bytes(place(part)) }

    func withBytes<Result>(_ part: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe whole.withBytes(place(part), body)
    }

    private func place(_ part: Range<Int>) -> Range<Int> { range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound }
}
