import BenchModel
import Foundation
import Synchronization

/// Scans that the bench has not answered yet, in a file: what was scanned is there when the program, or the bench, comes back.
///
/// A line of JSON for each; taken away from the front when it was answered. A half line, of a power cut, was never beeped for.
final class ScanSpool: Sendable {
    let path: String
    private let state: Mutex<[ScanOrder]>
    private let ended = Atomic(false)
    /// Held as long as the program runs: two that shared the file would each write it without the other's scans.
    private let lock: FileHandle

    /// Scans that wait at the most: by then somebody has to look at the bench.
    static let most = 10_000

    /// Opens it, with what was left there.
    init(station: String) throws {
        let environment = ProcessInfo.processInfo.environment
        let home = environment["XDG_STATE_HOME"] ?? (environment["HOME"] ?? "/var/tmp") + "/.local/state"
        let folder = URL(filePath: home).appending(path: "reflash")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let name = String(station.map { $0.isLetter || $0.isNumber ? $0 : "_" })
        path = folder.appending(path: "scans-\(name).jsonl").path
        let lockPath = path + ".lock"
        _ = FileManager.default.createFile(atPath: lockPath, contents: nil)
        guard let lock = FileHandle(forUpdatingAtPath: lockPath) else {
            throw Complaint("\(lockPath) can't be written: scans can't be kept")
        }
        guard flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw Complaint("another 'reflashctl scan' runs for the station '\(station)': give this one another name (--station)")
        }
        self.lock = lock
        let lines = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n") ?? []
        state = Mutex(lines.compactMap { try? JSONDecoder().decode(ScanOrder.self, from: Data($0.utf8)) })
    }

    /// No more scans will come.
    func end() { ended.store(true, ordering: .releasing) }

    /// Whether no more scans will come.
    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    var count: Int { state.withLock { $0.count } }

    var first: ScanOrder? { state.withLock { $0.first } }

    /// Keeps a scan; it is on the disk when this returns.
    func append(_ order: ScanOrder) throws {
        try state.withLock { waiting in
            guard waiting.count < Self.most else { throw Complaint("\(waiting.count) scans wait for the bench: look after it first") }
            try store(waiting + [order])
            waiting.append(order)
        }
    }

    /// The first scan was answered.
    func removeFirst() throws {
        try state.withLock { waiting in
            guard !waiting.isEmpty else { return }
            try store(Array(waiting.dropFirst()))
            waiting.removeFirst()
        }
    }

    /// Where nothing waits there is no file.
    private func store(_ orders: [ScanOrder]) throws {
        guard !orders.isEmpty else {
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var data = Data()
        for order in orders {
            data.append(try encoder.encode(order))
            data.append(UInt8(ascii: "\n"))
        }
        let part = path + ".part"
        guard FileManager.default.createFile(atPath: part, contents: nil), let file = FileHandle(forWritingAtPath: part) else {
            throw Complaint("\(part) can't be written: scans can't be kept")
        }
        try file.write(contentsOf: data)
        try file.synchronize()
        try file.close()
        guard rename(part, path) == 0 else { throw Complaint("\(path): \(String(cString: strerror(errno)))") }
    }
}
