internal import BenchModel

/// How far the capsule of a session that runs has been written down: a bench that is cut off has no time for it.
struct CapsuleDraft {
    /// Monotonic time of the next one.
    fileprivate var next: Duration?
    fileprivate var writing: Task<Void, Never>?
    fileprivate var isWriting = false

    /// Writing one costs some milliseconds, and there are many sessions.
    fileprivate static let interval = Duration.seconds(10)
}

extension FlashSession {
    /// Writes down what has passed, every ten seconds.
    func keepDraft(_ now: Duration) {
        guard let capsules = bench.capsules, let session = pen.session, !draft.isWriting else { return }
        guard let next = draft.next, now >= next else {
            draft.next = draft.next ?? now + CapsuleDraft.interval
            return
        }
        draft.next = now + CapsuleDraft.interval
        draft.isWriting = true
        let capsule = capsule(session, Verdict(.unknown, reason: .benchStopped))
        draft.writing = Task(executorPreference: bench.lane) {
            await capsules.keepOpen(capsule)
            await self.draftIsWritten()
        }
    }

    private func draftIsWritten() { draft.isWriting = false }

    /// The session has ended, and its outcome is stored.
    func forgetDraft() async {
        guard let writing = draft.writing, let session = pen.session else { return }
        await writing.value
        await bench.capsules?.forgetOpen(session)
    }
}
