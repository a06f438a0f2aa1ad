#if canImport(Glibc)
    internal import Glibc
#endif

/// An exclusive flock(2) on the journal's file, held for as long as this lives.
///
/// SQLite's own locks are POSIX record locks, which flock(2) does not meet; they would be dropped if this descriptor were
/// closed before SQLite's, so it is closed last.
final class FileLock: Sendable {
    private let descriptor: CInt

    /// - Throws: ``JournalError/inUse(path:)`` when somebody else holds it.
    init(_ path: String) throws(JournalError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw errno == EACCES || errno == EROFS || errno == EPERM
                ? .readOnly(path: path) : .storage(path: path, "open: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .inUse(path: path)
        }
    }

    /// Lets others have it.
    func release() { flock(descriptor, LOCK_UN) }

    deinit { close(descriptor) }
}
