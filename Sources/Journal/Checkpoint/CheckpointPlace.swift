internal import BenchModel
internal import Foundation

/// Where copies of a bench's checkpoints are kept. Whoever alters the journal would have to alter those, too.
public protocol CheckpointPlace: Sendable {
    /// Keeps a checkpoint under a name, or finds the same one there already.
    /// - Throws: ``JournalError`` where it is not there after that.
    func keep(_ checkpoint: Checkpoint, as name: String) async throws(JournalError)
}

/// A folder, best on another machine.
public struct CheckpointFolder: CheckpointPlace {
    private let path: String

    /// The folder is made where it is not there.
    public init(_ path: String) { self.path = path }

    public func keep(_ checkpoint: Checkpoint, as name: String) throws(JournalError) {
        let file = "\(path)/\(name)"
        guard !FileManager.default.fileExists(atPath: file) else { return }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data(checkpoint.json.utf8).write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw JournalError.storage(path: file, "the checkpoint can't be written there: \(error.localizedDescription)")
        }
    }
}
