internal import CZlib
internal import Foundation

/// Files as gzip has them (RFC 1952), written and read piece by piece.
enum GzipFile {
    private static let piece = 1 << 18
    /// As the journal's own.
    static let mode = 0o640

    /// Compresses a file into another, which is on the disk then.
    /// - Throws: ``JournalError``.
    static func compress(_ source: String, into target: String) throws(JournalError) {
        guard let input = FileHandle(forReadingAtPath: source) else { throw .storage(path: source, "it can't be read") }
        defer { try? input.close() }
        guard FileManager.default.createFile(atPath: target, contents: nil, attributes: [.posixPermissions: mode]),
            let output = gzopen(target, "wb6")
        else {
            throw .storage(path: target, "it can't be written")
        }
        var isWritten = true
        do {
            while isWritten, let bytes = try input.read(upToCount: piece), !bytes.isEmpty {
                isWritten = bytes.withUnsafeBytes { gzwrite(output, $0.baseAddress, UInt32($0.count)) } == bytes.count
            }
        } catch {
            gzclose(output)
            throw .storage(path: source, "it can't be read: \(error)")
        }
        guard gzclose(output) == Z_OK, isWritten else { throw .diskFull(path: target) }
        try synchronize(target)
    }

    /// Unpacks a file into another.
    /// - Throws: ``JournalError``.
    static func expand(_ source: String, into target: String) throws(JournalError) {
        guard let input = gzopen(source, "rb") else { throw .storage(path: source, "it can't be read") }
        defer { gzclose(input) }
        guard FileManager.default.createFile(atPath: target, contents: nil, attributes: [.posixPermissions: mode]),
            let output = FileHandle(forWritingAtPath: target)
        else {
            throw .storage(path: target, "it can't be written")
        }
        defer { try? output.close() }
        var buffer = [UInt8](repeating: 0, count: piece)
        while true {
            let count = gzread(input, &buffer, UInt32(buffer.count))
            guard count >= 0 else { throw .corrupt(path: source, "it is no whole gzip file") }
            if count == 0 { break }
            do { try output.write(contentsOf: buffer.prefix(Int(count))) } catch { throw .storage(path: target, "\(error)") }
        }
        // A file that was cut short reads as if it had ended.
        var number: Int32 = 0
        _ = gzerror(input, &number)
        guard number == Z_OK else { throw .corrupt(path: source, "it is no whole gzip file") }
    }

    /// Returns when what is in a file, or a folder, is on the disk.
    static func synchronize(_ path: String) throws(JournalError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0 else { throw .storage(path: path, String(cString: strerror(errno))) }
        close(descriptor)
    }
}
