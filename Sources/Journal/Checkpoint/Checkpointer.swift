public import BenchModel

/// Makes a bench's checkpoints, and takes each to a second place: who alters the journal would have to alter that, too.
public actor Checkpointer {
    private let journal: Journal
    private let key: BenchKey
    private let bench: String
    private let place: (any CheckpointPlace)?
    private let clock: any BenchClock

    /// `place`: where copies go; `nil` for nowhere.
    public init(_ journal: Journal, key: BenchKey, bench: String, place: (any CheckpointPlace)?, clock: any BenchClock) {
        self.journal = journal
        self.key = key
        self.bench = bench
        self.place = place
        self.clock = clock
    }

    /// The age at which a checkpoint is followed by the next.
    private static let day = 86_400_000

    /// Makes a checkpoint of all that is stored, and takes it to the second place.
    /// - Returns: the newest; `nil` where nothing is stored at all.
    /// - Throws: ``JournalError`` where it is not made, or not taken there: it is then tried again by ``keepUp()``.
    @discardableResult
    public func make(why: String) async throws(JournalError) -> Checkpoint? {
        let checkpoint = try await journal.makeCheckpoint(bench: bench, key: key, why: why)
        if let checkpoint { try await deliver(checkpoint) }
        return checkpoint
    }

    /// Makes the checkpoint of the day, or of a consignment that was closed, where it is due, and takes the newest to the second place where it
    /// is not there.
    /// - Throws: ``JournalError``; to be called again.
    public func keepUp() async throws(JournalError) {
        if try await journal.needsCheckpoint(since: UTC.text(clock.utcMilliseconds - Int64(Self.day))) {
            try await make(why: "daily")
        } else if let last = try await journal.lastCheckpoint() {
            try await deliver(last)
        }
    }

    private func deliver(_ checkpoint: Checkpoint) async throws(JournalError) {
        try await place?.keep(checkpoint, as: "\(name)-\(checkpoint.event).checkpoint.json")
    }

    /// The bench's name as part of a file's.
    private var name: String { String(bench.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "_" }) }
}
