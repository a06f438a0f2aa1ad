internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Protocols

/// One attempt to reflash one unit in one slot, from the first question to the outcome, as it is told in `product.md`:
/// identify, check, enter the bootloader, transfer, activate, reboot, read back. It runs on its slot's lane.
///
/// The steps in the middle are the protocol's: ``attemptDFU(_:_:_:)`` and ``attemptSMP(_:_:_:_:)``.
///
/// Whatever happens, it ends with exactly one outcome in the journal, and never with a guess: an outcome is only made from
/// what was read back, or from the step that said no.
actor FlashSession {
    let bench: SessionBench
    nonisolated var unownedExecutor: UnownedSerialExecutor { bench.lane.asUnownedSerialExecutor() }

    /// The attachment that the session deals with; what comes back after a reset is another.
    private(set) var present: PresentDevice
    var pen: SessionJournal
    /// Events on which nothing hangs: they are stored in one with the next, and cost no wait.
    var notes: [JournalEvent] = []
    /// Whether any byte was sent to the unit's flash.
    private(set) var wrote = false
    private(set) var readback: [String: SHA256Value] = [:]
    /// The version that the unit last said it runs; `nil` once something was written and it has not been asked since.
    private(set) var reportedVersion: FirmwareVersion?
    private(set) var device: (any USBDevice)?
    /// The conversation over a serial line, and what the unit last said of its images.
    private var smp: SMPClient?
    var imageState: ImageGroup.State?
    /// Whether an order to restart has reached the unit.
    var hasTakenReset = false
    /// The host's no, where the line could not be opened when it was last tried.
    var hostsNo: SessionEnd?
    /// Whether the session has switched the unit's power off and on.
    var hasCycledPower = false
    /// What was in the slot when it began, and when that was: milliseconds since 1970.
    private(set) var began: PresentDevice?
    private(set) var beganUTC: Int64 = 0
    /// How far its capsule has been written down.
    var draft = CapsuleDraft()
    /// What the unit should hold, once the checks have passed.
    private(set) var target: Target?
    /// Whether an earlier session has left open what the unit holds.
    private(set) var hadOpenQuestion = false
    /// Bytes that are still to be written, with all steps on the way.
    private(set) var bytesLeft = 0
    /// The approval that counted just before the checks; `nil` where there was none.
    private(set) var seenApproval: EventNumber?

    init(_ bench: SessionBench, present: PresentDevice) {
        self.bench = bench
        self.present = present
        pen = bench.journal
    }

    /// Runs to the outcome.
    /// - Throws: `CancellationError` when it is cancelled before the journal could take its beginning or its end.
    func run() async throws -> Verdict {
        began = present
        beganUTC = bench.clock.utcMilliseconds
        await bench.presence.record(into: bench.recorder, bench.profile)
        step(.identifying)
        let startedAt = bench.clock.now
        let identified = await identified()
        step(.checking)
        let history = await history(of: try? identified.get())
        let checked = await checked(identified, history)
        let record = try await begin(identified, checked)
        target = try? checked.get().target
        hadOpenQuestion = history.openQuestion != nil
        pen.session = record.session
        var verdict: Verdict
        do throws(SessionEnd) {
            verdict = try await follow(try checked.get(), try identified.get(), history)
        } catch {
            let end = honest(error)
            if bench.profile.smp == nil { await leaveInRuntime(after: end) }
            verdict = Verdict(end.outcome, reason: end.reason, detail: end.detail, installedVersion: reportedVersion)
            if end.isHosts { verdict.isHosts = true }
        }
        await closeLinks()
        await bench.presence.record(into: nil, bench.profile)
        verdict.identityProven = verdict.identityProven && bench.profile.identity != .none
        verdict.wrote = wrote
        verdict.readback = readback
        verdict.targetVersion = target?.version
        verdict.release = target?.release
        verdict.manifestHash = target?.manifestHash
        verdict.checksOff = record.checksOff
        if let target { verdict.releaseEnded = await bench.checks.targets.ended(target) }
        try await store(.outcome(verdict))
        let isFirstAttempt = history.sessions.allSatisfy { $0.verdict?.outcome == .refused }
        bench.board.count(verdict, isFirstAttempt: isFirstAttempt, took: bench.clock.now - startedAt)
        return verdict
    }

    // MARK: The steps

    /// Takes the unit through the steps that lead to the release, each read back, and to the release.
    private func follow(_ route: Route, _ unit: Unit, _ history: UnitRecord) async throws(SessionEnd) -> Verdict {
        var unit = unit
        bytesLeft = route.steps.map(\.bytes).reduce(0, +)
        let held = try await newestHeld(route, unit)
        bytesLeft = route.steps.dropFirst(held ?? 0).map(\.bytes).reduce(0, +)
        for step in route.before.dropFirst(held ?? 0) {
            let verdict: Verdict
            do throws(SessionEnd) { verdict = try await attempt(step, unit, history) } catch {
                throw error.counting(as: error.outcome, detail: "at the step \(step.release) (\(step.version)): \(error.detail)")
            }
            let finished = JournalEvent.StepFinished(
                release: step.release, manifestHash: step.manifestHash, version: step.version, proof: verdict.proof, readback: readback)
            try await mark(.stepFinished(finished))
            unit.installedVersion = step.version
            readback = [:]
            bytesLeft -= step.bytes
        }
        // What earlier sessions left in the unit is overwritten by a step: no readback can tell any more.
        var history = history
        if route.before.count > held ?? 0 { history.sessions.removeAll(where: \.isUnsettled) }
        return try await attempt(route.target, unit, history)
    }

    /// How far on its way a unit in its bootloader has come, where an earlier session was cut: the number of the step, or of the target, that
    /// its flash holds; `nil` where it holds none, or there are no steps.
    private func newestHeld(_ route: Route, _ unit: Unit) async throws(SessionEnd) -> Int? {
        guard !route.before.isEmpty, unit.installedVersion == nil, bench.profile.smp == nil else { return nil }
        let grant = try await grantForBlocks()
        defer { extendLifetime(grant) }
        var loader = try await enterBootloader(expecting: unit)
        for (index, step) in route.steps.enumerated().reversed() where try await holds(step, &loader, unit) == true { return index }
        return nil
    }

    private func attempt(_ target: Target, _ unit: Unit, _ history: UnitRecord) async throws(SessionEnd) -> Verdict {
        switch bench.profile.conversation {
        case .dfu: try await attemptDFU(unit, target, history)
        case .smp(let settings): try await attemptSMP(unit, target, history, settings)
        }
    }

    private func attemptDFU(
        _ unit: Unit, _ target: Target, _ history: UnitRecord
    ) async throws(SessionEnd) -> Verdict {
        let grant = try await grantForBlocks()
        defer { extendLifetime(grant) }
        try await expectStillApproved(target)
        step(.enteringBootloader)
        var loader = try await enterBootloader(expecting: unit)
        try expectPlaces(for: target, in: loader)
        if mustReadFirst(unit, target, history) {
            step(.checking)
            switch try await holds(target, &loader, unit) {
            case true: return try await finish(unit, target, history, as: .alreadyCurrent)
            case false: try await settle(history, interruptedAt: target)
            case nil: break
            }
        }
        for component in target.components {
            let isTolerant = try await write(component, isOnly: target.components.count == 1, &loader, unit)
            if !isTolerant { loader = try await reenterBootloader(expecting: unit) }
            try await verify(component, &loader, unit)
        }
        return try await finish(unit, target, history, as: .reflashed)
    }

    /// Leaves the bootloader, meets the unit again as its firmware presents it, and makes the outcome of what was read back.
    private func finish(
        _ unit: Unit, _ target: Target, _ history: UnitRecord, as outcome: Outcome
    ) async throws(SessionEnd) -> Verdict {
        let returned: Unit
        if bench.profile.restarts {
            step(.rebooting)
            returned = try await rebootIntoFirmware(expecting: unit)
        } else {
            returned = try await heardInPlace()
        }
        step(.readingBack)
        let verdict = try Readback(profile: bench.profile, target: target, found: readback)
            .verdict(outcome, of: unit, returnedAs: returned)
        if outcome == .alreadyCurrent { try await settle(history, provenBy: verdict, target) }
        return verdict
    }

    /// A unit that may hold the target already, or whose content is in doubt, is read before anything is written.
    private func mustReadFirst(_ unit: Unit, _ target: Target, _ history: UnitRecord) -> Bool {
        unit.installedVersion == nil || unit.installedVersion == target.version || history.openQuestion != nil
    }

    /// A unit that was written and then was not met again may well hold the release, and so may one that says it runs the release and could not
    /// be read; and one to which a step was written is not refused any more.
    private func honest(_ end: SessionEnd) -> SessionEnd {
        let wasNotMet = end.reason == .enterFailed || end.reason == .identificationFailed
        guard wrote else {
            let saysItIsCurrent = target.map { reportedVersion == $0.version } ?? false
            return wasNotMet && saysItIsCurrent ? end.counting(as: .unknown, .unproven) : end
        }
        if wasNotMet { return end.counting(as: .unknown, .noAnswer) }
        return end.outcome == .refused ? end.counting(as: .failed) : end
    }

    /// A session may have waited long for its grant. One that has written goes on.
    func expectStillApproved(_ target: Target) async throws(SessionEnd) {
        guard !wrote, let end = await bench.checks.targets.ended(target) else { return }
        throw SessionEnd(.refused, .releaseEnded, "\(target.release) is \(end.rawValue), since the session began")
    }

    /// - Throws: the refusal, before anything is written, where the bootloader has no such place.
    private func expectPlaces(for target: Target, in loader: DFUClient) throws(SessionEnd) {
        for component in target.components {
            guard let alternate = bench.profile.components[component.name], loader.interface.alternates.contains(alternate) else {
                throw SessionEnd(.refused, .bootloaderUnusable, "it has no alternate setting for component '\(component.name)'")
            }
        }
    }

    // MARK: What the steps share

    func step(_ step: SessionStep, _ progress: StepProgress? = nil) {
        let now = bench.clock.now
        bench.board.update(bench.slot) { view in
            if view.step != step || view.progress?.component != progress?.component { view.stepBegan = now }
            view.step = step
            view.progress = progress
        }
        keepDraft(now)
    }

    private func store(_ event: JournalEvent) async throws {
        let noted = notes
        notes = []
        try await pen.record(event, after: noted)
    }

    /// Records a mark on the session's way.
    func mark(_ event: JournalEvent) async throws(SessionEnd) {
        do { try await store(event) } catch { throw .benchStopped }
    }

    func setDevice(_ device: (any USBDevice)?, _ present: PresentDevice) {
        self.device = device
        self.present = present
    }

    /// The conversation that is open.
    func client() throws(SMPError) -> SMPClient {
        guard let smp else { throw .serial(SerialError(.gone, "\(present.device.node) is not open")) }
        return smp
    }

    /// Opens the line, if it is not open, begins the conversation anew and asks the unit who it is.
    func converse(_ settings: SMPSettings, within bound: Duration) async throws(SMPError) -> Unit {
        let port: any SerialPort
        if let open = smp?.port {
            port = open
        } else {
            do throws(SerialError) {
                port = try await bench.identify.openLine(present, settings)
            } catch {
                throw error.code == .cancelled ? .cancelled : .serial(error)
            }
            // The slot closes it when its tty goes.
            await bench.presence.hold(port)
            smp = SMPClient(port, framing: settings.framing, clock: bench.clock, requestBound: bench.profile.bounds.request)
        }
        let (client, mode) = try await bench.identify.converse(over: port, settings, within: bound)
        if let buffers = smp?.buffers, settings.buffers == nil { client.assume(buffers) }
        smp = client
        present = PresentDevice(device: present.device, mode: mode)
        return try await readUnit()
    }

    /// What the unit says of itself and of its images now.
    func readUnit() async throws(SMPError) -> Unit {
        let (unit, state) = try await bench.identify.unit(try client(), present)
        imageState = state
        hears(unit)
        if pen.unit == nil { pen.unit = unit.chfId }
        return unit
    }

    func closeLinks() async {
        await device?.close()
        await smp?.port.close()
        await bench.presence.hold(nil)
        (device, smp) = (nil, nil)
    }

    /// From here on, what was read or heard before says nothing any more.
    func willWrite(_ component: String) {
        wrote = true
        readback[component] = nil
        reportedVersion = nil
    }

    func seesApproval(_ approval: EventNumber?) { seenApproval = approval }

    func hears(_ unit: Unit) { reportedVersion = unit.installedVersion }

    func found(_ hash: SHA256Value, in component: String) { readback[component] = hash }
}

/// What a session works with: its slot's place in the bench.
struct SessionBench: Sendable {
    let slot: SlotID
    let profile: DeviceProfile
    let lane: Lane
    /// Whether other slots are at the same port, with ttys of their own.
    let sharesPort: Bool
    let presence: SlotPresence
    let recorder: Recorder
    let capsules: CapsuleStore?
    let identify: Identify
    let checks: Checks
    let budget: HostBudget
    let powerUps: PowerUpTurns
    let registry: UnitRegistry
    let board: Board
    let journal: SessionJournal
    let clock: any BenchClock
}
