public import BenchModel
internal import Crypto
internal import Foundation
internal import GRDB

/// Takes what is over out of a journal into a file of its own.
///
/// The file is a journal itself, compressed: it is checked and read as one. It ends with a checkpoint, and the journal goes on from that. A stop
/// at any moment leaves the journal either as it was, or with the file whole beside it.
public enum JournalArchive {
    /// What was archived.
    public struct Report: Codable, Sendable, Hashable {
        /// The file.
        public var file: String
        /// Events in it.
        public var events: Int
        /// Its last event.
        public var upTo: EventNumber
        /// Consignments in it, as they ended.
        public var consignments: Int
        /// Bytes of the journal before, of the journal now, and of the file.
        public var bytesBefore: Int
        public var bytesNow: Int
        public var bytesOfFile: Int
    }

    /// Archives what was over before a moment.
    /// - Parameters:
    ///   - path: the journal's; no daemon may have it open.
    ///   - folder: where the file goes.
    ///   - utc: the file ends with a checkpoint from before this, ISO 8601.
    ///   - shipped: whether a consignment is over once it is shipped; else when the Service User has it.
    ///   - key: the bench's, which signs what was archived.
    /// - Throws: ``JournalError``, also where there is nothing to archive yet: it says what is in the way.
    public static func make(
        of path: String, in folder: String, before utc: String, shipped: Bool, key: BenchKey, clock: any BenchClock
    ) async throws(JournalError) -> Report {
        let journal = try Journal(path: path, clock: clock)
        let cut = try await journal.read { try ArchiveCut(before: utc, shipped: shipped, path: path, $0) }
        guard key.publicKey == cut.made.checkpoint.key else {
            throw .storage(path: path, "its checkpoints are signed by \(cut.made.checkpoint.key), and the bench's key is \(key.publicKey)")
        }
        let name = "\((path as NSString).lastPathComponent)-\(cut.first)-\(cut.upTo).gz"
        let before = size(path)
        removeParts(of: (path as NSString).lastPathComponent, in: folder)
        let (hash, events) = try await write(journal, cut, to: "\(folder)/\(name)")
        try await journal.dropArchived(cut, file: name, hash: hash, key: key)
        // What is archived is archived; where there is no room for this the next archive does it.
        try? await journal.shrink()
        do { try await journal.close() } catch { throw JournalError(error, path: path) }
        return Report(
            file: "\(folder)/\(name)", events: events, upTo: cut.upTo, consignments: cut.consignments.count, bytesBefore: before,
            bytesNow: size(path), bytesOfFile: size("\(folder)/\(name)"))
    }

    /// Unpacks an archive for as long as `body` needs it.
    /// - Throws: ``JournalError``, and what `body` throws.
    public static func reading<Value>(_ file: String, _ body: (String) throws(JournalError) -> Value) throws(JournalError) -> Value {
        try reading(file, in: FileManager.default.temporaryDirectory.path, body)
    }

    private static func reading<Value>(
        _ file: String, in folder: String, _ body: (String) throws(JournalError) -> Value
    ) throws(JournalError) -> Value {
        let expanded = "\(folder)/journal-archive-\(UUID().uuidString).part.sqlite"
        defer { remove(expanded) }
        try GzipFile.expand(file, into: expanded)
        return try body(expanded)
    }

    // MARK: Writing

    /// - Returns: the file's hash and how many events are in it; it is whole and on the disk then.
    private static func write(_ journal: Journal, _ cut: ArchiveCut, to file: String) async throws(JournalError) -> (SHA256Value, Int) {
        let (plain, packed) = ("\(file).part.sqlite", "\(file).part")
        defer { for left in [plain, packed] { remove(left) } }
        do {
            try FileManager.default.createDirectory(
                atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            remove(plain)
            guard FileManager.default.createFile(atPath: plain, contents: nil, attributes: [.posixPermissions: GzipFile.mode]) else {
                throw JournalError.readOnly(path: plain)
            }
            let copy = try DatabaseQueue(path: plain)
            try JournalSchema.migrator.migrate(copy)
            try copy.close()
        } catch {
            throw JournalError(error, path: plain)
        }
        try await journal.copyEvents(upTo: cut.upTo, to: plain)
        try GzipFile.compress(plain, into: packed)
        // Beside the file: what has room for it unpacked once has it twice.
        let folder = (file as NSString).deletingLastPathComponent
        let found = try reading(packed, in: folder) { path throws(JournalError) in try JournalVerifier.verify(path) }
        guard found.isIntact, found.last == cut.upTo else {
            throw .corrupt(path: journal.path, "nothing is archived: \(found.fault ?? "the copy ends with event \(found.last)")")
        }
        if FileManager.default.fileExists(atPath: file) { try expectSame(file, as: found, in: folder) }
        guard rename(packed, file) == 0 else { throw .storage(path: file, String(cString: strerror(errno))) }
        try GzipFile.synchronize(folder)
        return (try hash(file), found.events)
    }

    /// A file of this name is there: of a run that was stopped before its end, or another bench's.
    private static func expectSame(_ file: String, as found: JournalVerification, in folder: String) throws(JournalError) {
        let there = try reading(file, in: folder) { path throws(JournalError) in try JournalVerifier.verify(path) }
        guard there.head == found.head, there.last == found.last else {
            throw .storage(path: file, "another journal's archive has this name: name another folder")
        }
    }

    /// What runs that were stopped have left.
    private static func removeParts(of journal: String, in folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.contains(".part") && (name.hasPrefix("\(journal)-") || name.hasPrefix("journal-archive-")) {
            remove("\(folder)/\(name)")
        }
    }

    private static func hash(_ file: String) throws(JournalError) -> SHA256Value {
        guard let input = FileHandle(forReadingAtPath: file) else { throw .storage(path: file, "it can't be read") }
        defer { try? input.close() }
        var hash = SHA256()
        do {
            while let bytes = try input.read(upToCount: 1 << 20), !bytes.isEmpty { hash.update(data: bytes) }
        } catch {
            throw .storage(path: file, "\(error)")
        }
        guard let value = SHA256Value(bytes: Array(hash.finalize())) else { preconditionFailure("SHA-256 has 32 bytes") }
        return value
    }

    private static func remove(_ path: String) {
        for file in [path, path + "-wal", path + "-shm", path + "-journal"] { try? FileManager.default.removeItem(atPath: file) }
    }

    private static func size(_ path: String) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
    }
}
