internal import BenchModel
internal import Journal
internal import Links
internal import Logging
internal import Protocols

/// The story of a unit that speaks SMP: upload, activate, reboot, see the new image run, confirm.
extension FlashSession {
    /// Endpoint 0, and those of a CDC-ACM function: two of data, one of notifications.
    private static let serialEndpoints = 4

    /// From the checks to the outcome.
    func attemptSMP(
        _ unit: Unit, _ target: Target, _ history: UnitRecord, _ settings: SMPSettings
    ) async throws(SessionEnd) -> Verdict {
        let grant = try await grant(memory: 0, endpoints: Self.serialEndpoints)
        defer { extendLifetime(grant) }
        try await expectStillApproved(target)
        try await remedied(unit) { () async throws(SessionEnd) in try await negotiate(settings) }
        if present.mode == .runtime {
            let wasTrial = isTrial
            var isRunning = try await runs(target)
            if !isRunning, try await leaveTrial(unit, target, settings) { isRunning = try await runs(target) }
            if isRunning {
                let isKept = try await keep(target, settings)
                let verdict = try await finishSMP(unit, target, settings, as: isKept ? .alreadyCurrent : .reflashed)
                try await settle(history, provenBy: verdict, target)
                return verdict
            }
            try await tellOfRevert(unit, target, history, wasTrial: wasTrial)
        }
        for component in target.components where !isWaiting(component) && !isActive(component) {
            try await upload(component, to: unit, settings)
        }
        if present.mode == .runtime { try await activate(target, for: unit, settings) }
        return try await finishSMP(unit, target, settings, as: .reflashed)
    }

    /// Restarts the unit, sees what it runs, and makes it stay.
    private func finishSMP(
        _ unit: Unit, _ target: Target, _ settings: SMPSettings, as outcome: Outcome
    ) async throws(SessionEnd) -> Verdict {
        step(.rebooting)
        let mode = present.mode
        var returned = try await restart(expecting: unit, settings) { self.isRunning(target) }
        // The order to restart may have been lost on its way, and the silence have been the line's.
        for _ in 1..<Self.transferAttempts where mayNotHaveRestarted(target, settings, from: mode) {
            returned = try await restart(expecting: unit, settings) { self.isRunning(target) }
        }
        step(.readingBack)
        guard present.mode == .runtime else {
            guard hasTakenReset else { throw Self.notRestarted }
            throw SessionEnd(.failed, .staysInBootloader, "after the reset its bootloader's serial recovery answers")
        }
        guard try await runs(target) else {
            throw settings.activation == .swap && target.components.contains { isWaiting($0) } ? Self.notRestarted : notStarted(target)
        }
        if try await !keep(target, settings) { returned = try await askAgain() }
        return try Readback(profile: bench.profile, target: target, found: [:], isValidated: isRunning(target))
            .verdict(outcome, of: unit, returnedAs: returned)
    }

    /// Its bootloader was never asked: nothing is known of what it will do with the image.
    private static let notRestarted = SessionEnd(.unknown, .noAnswer, "it was told to restart and has not done so")

    private func mayNotHaveRestarted(_ target: Target, _ settings: SMPSettings, from mode: UnitMode) -> Bool {
        guard present.mode == .runtime else { return mode == .bootloader && !hasTakenReset }
        guard !isRunning(target) else { return false }
        return settings.activation == .highestVersion || target.components.contains { isWaiting($0) }
    }

    // MARK: What the unit runs

    /// Records what the bootloader reports, and says whether every component of the target is what runs.
    private func runs(_ target: Target) async throws(SessionEnd) -> Bool {
        for component in target.components {
            let active = imageState?.active(image: image(of: component))
            try await mark(
                .imageState(
                    .init(
                        component: component.name, expected: Hex.lowercase(component.bootImage?.hash ?? []),
                        found: active?.hash.map { Hex.lowercase($0) }, version: active?.version, confirmed: active?.confirmed)))
        }
        return isRunning(target)
    }

    func isRunning(_ target: Target) -> Bool {
        target.components.allSatisfy { isActive($0) }
    }

    func isActive(_ component: TargetComponent) -> Bool {
        guard let expected = component.bootImage?.hash else { return false }
        return imageState?.active(image: image(of: component))?.hash == expected
    }

    /// Whether the component lies in its other slot, set to be started at the next boot: an earlier session was cut there.
    func isWaiting(_ component: TargetComponent) -> Bool {
        imageState?.slots.contains { slot in
            (slot.image ?? 0) == image(of: component) && slot.pending == true && slot.hash == component.bootImage?.hash
        } ?? false
    }

    private func notStarted(_ target: Target) -> SessionEnd {
        let runs = target.components.map { component in
            let active = imageState?.active(image: image(of: component))
            return "\(component.name): expected \(short(component.bootImage?.hash)), runs \(active?.version ?? "?") \(short(active?.hash))"
        }
        return SessionEnd(.failed, .notStarted, runs.joined(separator: "; "))
    }

    private func short(_ hash: [UInt8]?) -> String { hash.map { Hex.lowercase($0.prefix(6)) + "…" } ?? "no hash" }

    /// A unit that an earlier session left with the release, or on the way to it, and that runs something else now.
    private func tellOfRevert(
        _ unit: Unit, _ target: Target, _ history: UnitRecord, wasTrial: Bool
    ) async throws(SessionEnd) {
        let holdsRelease = target.components.allSatisfy { component in
            imageState?.slots.contains { (($0.image ?? 0) == image(of: component)) && $0.hash == component.bootImage?.hash } ?? false
        }
        var began = false
        if let open = history.openQuestion, open.components == target.hashes { began = await wasActivated(in: open) }
        if let last = history.sessions.last(where: { $0.verdict != nil }), last.verdict?.outcome == .reflashed,
            last.components == target.hashes
        {
            try await mark(.revertFound(.init(session: last.id, runs: unit.installedVersion)))
            let runs = unit.installedVersion.map { "\($0)" } ?? "old firmware"
            bench.board.update(bench.slot) { $0.message = "it has gone back to \(runs) since session \(last.id)" }
        }
        // A trial that this very session finds under way is not over yet, and one that waits for the next boot has not begun.
        let isOver = !wasTrial && !target.components.contains { isWaiting($0) }
        // One whose power this very session has cut went back by the bench's doing.
        let reason: OutcomeReason = began && holdsRelease && isOver && !hasCycledPower ? .reverted : .interrupted
        try await settle(history, interruptedAt: target, because: reason)
    }

    /// Whether that session had told the unit to try its new image.
    private func wasActivated(in session: SessionRecord) async -> Bool {
        guard let unit = session.chfId else { return false }
        return (try? await bench.journal.journal.has(JournalEvent.activated.kind, in: session.id, of: unit)) ?? false
    }

    // MARK: Writing

    /// Uploads one component. What may pass is tried again, from where the unit says that it is.
    private func upload(_ component: TargetComponent, to unit: Unit, _ settings: SMPSettings) async throws(SessionEnd) {
        let mode = present.mode
        let total = component.content.count
        for attempt in 1...Self.transferAttempts {
            let transfer = JournalEvent.Transfer(component: component.name, lengthBytes: total, attempt: attempt)
            try await mark(.transferStarted(transfer))
            step(.transferring, StepProgress(component: component.name, doneBytes: 0, totalBytes: total))
            willWrite(component.name)
            let failure: SMPError
            do throws(SMPError) {
                let upload = SMPUpload(
                    component.content, hash: component.hash, image: image(of: component), eraseBound: bench.profile.bounds.erase,
                    stallBound: bench.profile.bounds.stall)
                try await client().upload(upload) { done in
                    step(.transferring, StepProgress(component: component.name, doneBytes: done, totalBytes: total))
                }
                return try await mark(.transferFinished(transfer), within: SMPError.self)
            } catch {
                failure = error
            }
            let end = SessionEnd(failure, during: .transferring, otherwise: .transferFailed)
            // Whoever answers now may be another unit, on a line that stays when the unit leaves.
            guard failure.isTransient || (failure.isGone && bench.presence.isFixed), attempt < Self.transferAttempts,
                try await isThere(unit, in: mode, settings, because: end)
            else { throw end }
            if failure == .forgotten, try await holds(component) { return try await mark(.transferFinished(transfer)) }
            bench.journal.logger.notice(
                "upload failed", metadata: ["slot": "\(bench.slot)", "attempt": "\(attempt)", "error": "\(failure)"])
        }
    }

    /// Whether the unit lists the component in a slot that does not run: all of it has arrived. Its bootloader looks at it closer.
    private func holds(_ component: TargetComponent) async throws(SessionEnd) -> Bool {
        let state: ImageGroup.ReadState.Response
        // A question that is refused says nothing of the upload.
        do throws(SessionEnd) { state = try await ask(ImageGroup.ReadState(), during: .transferring) } catch {
            throw error.unknownIfFailed(.noAnswer)
        }
        imageState = state
        return state.slots.contains { slot in
            (slot.image ?? 0) == image(of: component) && slot.active != true && slot.hash == component.bootImage?.hash
        }
    }

    /// Whether the same unit still answers, or again, by itself or after a remedy: a device server's connection can be cut while the unit stays.
    func isThere(
        _ unit: Unit, in mode: UnitMode, _ settings: SMPSettings, because end: SessionEnd
    ) async throws(SessionEnd) -> Bool {
        let deadline = bench.clock.now + bench.profile.bounds.request
        repeat {
            if try await found(settings, expecting: unit) != nil { return try await goesOn(in: mode, settings) }
            try await rest(Self.pause)
        } while bench.clock.now < deadline
        // Whoever has the line open now is in the way of every remedy, and not to be disturbed.
        if let hostsNo { throw hostsNo }
        do throws(SessionEnd) { try await remedied(unit, after: end) { () async throws(SessionEnd) in } } catch {
            // A line that is always there does not show that its unit was taken out: silence on it is no more than that.
            guard bench.presence.isFixed, error == end, end.isSilence else { throw error }
            throw end.counting(as: .unknown, .contactLost)
        }
        return try await goesOn(in: mode, settings)
    }

    /// A new conversation knows nothing of the server's buffers.
    private func goesOn(in mode: UnitMode, _ settings: SMPSettings) async throws(SessionEnd) -> Bool {
        guard present.mode == mode else { return false }
        do throws(SessionEnd) { try await negotiate(settings) } catch {
            // Small ones do as well.
            if error == .benchStopped { throw error }
        }
        return true
    }

    /// The server's buffers: of the profile, or as the server says.
    private func negotiate(_ settings: SMPSettings) async throws(SessionEnd) {
        guard settings.buffers == nil else { return }
        do throws(SMPError) { try await client().negotiate() } catch {
            throw SessionEnd(error, during: .identifying, otherwise: .identificationFailed)
        }
    }

    /// One request and its answer.
    func ask<Request: SMPRequest>(
        _ request: Request, during step: SessionStep, otherwise reason: OutcomeReason = .transferFailed
    ) async throws(SessionEnd) -> Request.Response {
        do throws(SMPError) {
            return try await client().request(request)
        } catch {
            throw SessionEnd(error, during: step, otherwise: reason)
        }
    }

    func image(of component: TargetComponent) -> Int { Int(bench.profile.components[component.name] ?? 0) }

    /// A mark within the conversation.
    private func mark(_ event: JournalEvent, within: SMPError.Type) async throws(SMPError) {
        do throws(SessionEnd) { try await mark(event) } catch { throw .cancelled }
    }
}
