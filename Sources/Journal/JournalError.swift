/// Why the journal can't be opened, written or read.
public enum JournalError: Error, Sendable, CustomStringConvertible {
    /// A newer program wrote this file.
    case newerSchema(path: String)
    /// Another daemon has it open.
    case inUse(path: String)
    /// There is no room to record anything.
    case diskFull(path: String)
    /// The file can't be written by this user, or lies on a read-only file system.
    case readOnly(path: String)
    /// The machine's clock is behind the last event: what is recorded now would seem to have been before it.
    case clockBehind(path: String, last: String, now: String)
    /// The file is damaged.
    case corrupt(path: String, String)
    /// Anything else that SQLite or the system said.
    case storage(path: String, String)

    /// Stable text for scripts.
    public var code: String {
        switch self {
        case .newerSchema: "journal-newer-schema"
        case .inUse: "journal-in-use"
        case .diskFull: "journal-disk-full"
        case .readOnly: "journal-read-only"
        case .clockBehind: "journal-clock-behind"
        case .corrupt: "journal-corrupt"
        case .storage: "journal-storage"
        }
    }

    public var description: String {
        switch self {
        case .newerSchema(let path):
            "\(path) was written by a newer version of this program; use that version, or another journal"
        case .inUse(let path): "\(path) is in use by another reflashd"
        case .diskFull(let path): "\(path) can't grow: the disk is full; make room, flashing goes on by itself"
        case .readOnly(let path): "\(path) can't be written: check its owner, its mode and the file system"
        case .clockBehind(let path, let last, let now):
            "the clock says \(now), and the last event of \(path) is of \(last): set the clock, flashing goes on by itself"
        case .corrupt(let path, let what): "\(path) is damaged (\(what)); restore it from a copy, or start another journal"
        case .storage(let path, let what): "\(path): \(what)"
        }
    }
}
