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
        let text = Data(checkpoint.json.utf8)
        // An empty one was being written when the power went.
        if let kept = FileManager.default.contents(atPath: file), !kept.isEmpty {
            guard kept == text else { throw JournalError.storage(path: file, "another checkpoint has this name there") }
            return
        }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try text.write(to: URL(filePath: file), options: .atomic)
            try GzipFile.synchronize(file)
        } catch {
            throw JournalError.storage(path: file, "the checkpoint can't be written there: \(error.localizedDescription)")
        }
    }
}
