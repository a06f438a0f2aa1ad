public import BenchModel
public import Foundation
internal import Logging

/// Failure capsules in a folder beside the journal, one file a session; the oldest go when there are too many.
public actor CapsuleStore {
    private let folder: URL
    private let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    private let logger: Logger
    /// Sessions that have one, in rising order; `nil` before the folder was looked at.
    private var known: [SessionID]?

    /// Files that are kept.
    static let limit = 500
    private static let ending = ".capsule.json"

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
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var sessions = sessions
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(capsule).write(to: file(capsule.session), options: .atomic)
            sessions.append(capsule.session)
            while sessions.count > Self.limit { try? FileManager.default.removeItem(at: file(sessions.removeFirst())) }
            known = sessions
        } catch {
            logger.warning("no capsule", metadata: ["session": "\(capsule.session)", "error": "\(error)"])
        }
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
        if let known { return known }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { $0.hasSuffix(Self.ending) ? SessionID($0.dropLast(Self.ending.count)) : nil }.sorted()
    }

    private func file(_ session: SessionID) -> URL { folder.appending(path: "\(session)\(Self.ending)") }
}
