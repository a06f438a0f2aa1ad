internal import Foundation

/// Writes files of the private tree. Below `root`, so that tests can look at a tree in a folder of their own.
struct PrivateFiles: Sendable {
    /// Empty for the real `/sys`, `/run` and `/dev` of the namespace.
    var root = ""

    func makeFolder(_ path: String) throws(SimulatorError) {
        do {
            try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
        } catch {
            throw SimulatorError("can't make \(root + path): \(error.localizedDescription)")
        }
    }

    func write(_ text: String, to path: String) throws(SimulatorError) { try write(Array(text.utf8), to: path) }

    func write(_ bytes: [UInt8], to path: String) throws(SimulatorError) {
        try makeFolder(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        do {
            try Data(bytes).write(to: URL(filePath: root + path))
        } catch {
            throw SimulatorError("can't write \(root + path): \(error.localizedDescription)")
        }
    }

    func link(_ destination: String, at path: String) throws(SimulatorError) {
        remove(path)
        do {
            try FileManager.default.createSymbolicLink(atPath: root + path, withDestinationPath: destination)
        } catch {
            throw SimulatorError("can't link \(root + path): \(error.localizedDescription)")
        }
    }

    /// What is not there need not be removed.
    func remove(_ path: String) { try? FileManager.default.removeItem(atPath: root + path) }
}
