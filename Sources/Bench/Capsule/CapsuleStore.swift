public import BenchModel
public import Foundation
internal import Journal
internal import Logging

/// Failure capsules in a folder beside the journal, one file a session; the oldest go when there are too many. Beside them lies what has passed
/// in sessions that run, for a bench that is cut off.
public actor CapsuleStore {
    nonisolated let folder: URL
    private let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    private let logger: Logger
    /// Sessions that have one, in rising order; `nil` before the folder was looked at.
    private var known: [SessionID]?

    /// Files that are kept.
    static let limit = 500
    private static let ending = ".capsule.json"
    private static let openEnding = ".open.json"

    /// `nil` where the journal is no file. `journal.sqlite`'s capsules are in `journal.capsules/`.
    init?(journal: String, lane: Lane, logger: Logger) {
        guard !journal.isEmpty else { return nil }
        folder = URL(filePath: journal).deletingPathExtension().appendingPathExtension("capsules")
        self.lane = lane
        self.logger = logger
    }

    /// Writes a capsule. That it can't be written changes nothing for the session.
    func keep(_ capsule: Capsule) {
        do {
            var sessions = sessions
            try write(capsule, to: file(capsule.session))
            if !sessions.contains(capsule.session) { sessions = (sessions + [capsule.session]).sorted() }
            while sessions.count > Self.limit { try? FileManager.default.removeItem(at: file(sessions.removeFirst())) }
            known = sessions
        } catch {
            logger.warning("no capsule", metadata: ["session": "\(capsule.session)", "error": "\(error)"])
        }
    }

    /// Writes what has passed so far in a session that runs.
    func keepOpen(_ capsule: Capsule) {
        do { try write(capsule, to: openFile(capsule.session)) } catch {
            logger.warning("nothing is kept of a session that runs", metadata: ["session": "\(capsule.session)", "error": "\(error)"])
        }
    }

    /// The session has ended, and what there is to keep of it is kept.
    func forgetOpen(_ session: SessionID) { try? FileManager.default.removeItem(at: openFile(session)) }

    /// After a start: sessions that the last stop cut off have capsules then, with the outcome that the journal has for them.
    func adoptCut(_ journal: Journal) async {
        for session in sessions(ending: Self.openEnding) {
            // The journal can't be read now: another start will.
            guard let record = try? await journal.session(session) else { continue }
            defer { forgetOpen(session) }
            // Its whole capsule was written already where the stop came after that.
            guard bytes(of: session) == nil, let bytes = try? Data(contentsOf: openFile(session)),
                var capsule = try? JSONDecoder().decode(Capsule.self, from: bytes),
                let verdict = record.verdict, verdict.outcome == .failed || verdict.outcome == .unknown
            else { continue }
            capsule.verdict = verdict
            keep(capsule)
        }
    }

    private func write(_ capsule: Capsule, to file: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(capsule).write(to: file, options: .atomic)
    }

    /// The newest, newest first.
    public func newest(_ count: Int) -> [CapsuleSummary] {
        sessions.suffix(count).reversed().compactMap { session in
            bytes(of: session).flatMap { try? JSONDecoder().decode(Capsule.self, from: $0).summary }
        }
    }

    /// The file of a session's capsule; `nil` where there is none.
    public func bytes(of session: SessionID) -> Data? { try? Data(contentsOf: file(session)) }

    private var sessions: [SessionID] {
        known ?? sessions(ending: Self.ending)
    }

    private func sessions(ending: String) -> [SessionID] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { $0.hasSuffix(ending) ? SessionID($0.dropLast(ending.count)) : nil }.sorted()
    }

    private func openFile(_ session: SessionID) -> URL { folder.appending(path: "\(session)\(Self.openEnding)") }

    private func file(_ session: SessionID) -> URL { folder.appending(path: "\(session)\(Self.ending)") }
}
