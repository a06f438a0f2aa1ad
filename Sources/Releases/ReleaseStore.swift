internal import BenchModel
internal import Firmware
internal import Foundation

/// The folder in which a bench keeps its releases, each an archive that is named by the hash of its manifest.
///
/// It believes nothing that lies there: whoever takes a bundle out of it verifies it. A bundle is there whole or not at all: it is
/// written beside its place, brought to the disk, and moved.
struct ReleaseStore: Sendable {
    let folder: String

    private static let incoming = ".incoming-"

    /// Makes the folder, and removes what an import that was cut off has left.
    /// - Throws: ``DeskRefusal`` of code `store`.
    init(_ folder: String) throws(DeskRefusal) {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix(Self.incoming) {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
            }
        } catch {
            throw DeskRefusal(.store, "\(folder): \(error.localizedDescription)")
        }
    }

    /// The bundle of a release as it lies there, read into memory once.
    /// - Throws: ``FirmwareProblem``.
    func bundle(_ hash: SHA256Value) throws(FirmwareProblem) -> ReleaseBundle { try ReleaseBundle(path: path(hash)) }

    /// Puts a bundle that was verified there: the very bytes that were.
    /// - Throws: ``DeskRefusal`` of code `store`; then what was there before still is.
    func keep(_ bundle: ReleaseBundle, _ hash: SHA256Value) throws(DeskRefusal) {
        let beside = "\(folder)/\(Self.incoming)\(UUID().uuidString)"
        do {
            try write(bundle.archive(), to: beside)
            guard rename(beside, path(hash)) == 0 else { throw Self.failure }
            try syncFolder()
        } catch {
            unlink(beside)
            throw DeskRefusal(.store, "\(path(hash)): \(error)")
        }
    }

    private func path(_ hash: SHA256Value) -> String { "\(folder)/\(hash).tar" }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o440)
        guard descriptor >= 0 else { throw Self.failure }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data(bytes))
        try file.synchronize()
        try file.close()
    }

    /// The new name itself must be on the disk.
    private func syncFolder() throws {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure }
    }

    private static var failure: StoreFailure { StoreFailure(description: String(cString: strerror(errno))) }

    private struct StoreFailure: Error, CustomStringConvertible {
        let description: String
    }
}
