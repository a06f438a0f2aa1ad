internal import BenchModel
internal import Journal

/// What a readback says of earlier sessions whose end was in doubt.
extension FlashSession {
    /// Settles earlier sessions that ended as unknown and had this target: the readback found other content.
    func settle(
        _ history: UnitRecord, interruptedAt target: Target, because reason: OutcomeReason = .interrupted
    ) async throws(SessionEnd) {
        let verdict = Verdict(.failed, reason: reason, detail: "a later readback found other content")
        try await settle(history, target) { _ in verdict }
    }

    /// Settles earlier sessions that ended as unknown and had this target: the unit holds it, by their doing if they wrote.
    func settle(
        _ history: UnitRecord, provenBy verdict: Verdict, _ target: Target
    ) async throws(SessionEnd) {
        guard let proof = verdict.proof, proof > .deviceReported else { return }
        try await settle(history, target) { session in
            var settled = verdict
            settled.outcome = session.transferBegan ? .reflashed : .alreadyCurrent
            return settled
        }
    }

    /// A session that was to write something else is left open: this readback does not speak of it.
    private func settle(
        _ history: UnitRecord, _ target: Target, _ verdict: (SessionRecord) -> Verdict
    ) async throws(SessionEnd) {
        for session in history.sessions where session.isUnsettled && session.components == target.hashes {
            var settled = verdict(session)
            settled.wrote = session.transferBegan
            settled.targetVersion = target.version
            settled.release = session.release
            settled.manifestHash = session.manifestHash
            settled.checksOff = session.checksOff
            try await mark(.sessionSettled(.init(session: session.id, verdict: settled)))
        }
    }
}
