internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Logging
internal import Protocols

/// The steps between run-time mode and DFU mode, in both directions.
extension FlashSession {
    /// Detaches the unit into its bootloader, if it is not there already, and opens the conversation.
    func enterBootloader(expecting unit: Unit) async throws(SessionEnd) -> DFUClient {
        try await remedied(unit) { () async throws(SessionEnd) in try await enterOnce(unit) }
    }

    private func enterOnce(_ unit: Unit) async throws(SessionEnd) -> DFUClient {
        if present.mode == .bootloader {
            let loader = try await openBootloader()
            guard try await waitsForReset(loader) else {
                notes.append(.bootloaderEntered)
                return loader
            }
            guard bench.profile.restarts else {
                throw SessionEnd(.failed, .enterFailed, "it waits for a restart, and the profile says 'reboot: none'", isAnswer: true)
            }
            try await reset()
            _ = try await meet(unit, within: bench.profile.bounds.comeBack)
        }
        if present.mode == .runtime {
            try await detach()
            do throws(SessionEnd) { _ = try await meet(unit, within: bench.profile.bounds.enterBootloader) } catch {
                let bound = bench.profile.bounds.enterBootloader.seconds
                guard error.reason == .didNotReturn, await bench.presence.present == present else { throw error }
                throw SessionEnd(.failed, .enterFailed, "it stayed in run-time mode for \(bound) s after DFU_DETACH")
            }
            guard present.mode == .bootloader else {
                throw SessionEnd(.failed, .enterFailed, "the unit came back in run-time mode after DFU_DETACH", isAnswer: true)
            }
        }
        notes.append(.bootloaderEntered)
        return try await openBootloader()
    }

    /// Back into the bootloader after an image was activated that only a reboot starts.
    func reenterBootloader(expecting unit: Unit) async throws(SessionEnd) -> DFUClient {
        guard bench.profile.restarts else {
            throw SessionEnd(.unknown, .unproven, "it waits for a restart after its download, and the profile says 'reboot: none'")
        }
        step(.rebooting)
        try await reset()
        _ = try await meet(unit, within: bench.profile.bounds.comeBack)
        return try await enterBootloader(expecting: unit)
    }

    private func detach() async throws(SessionEnd) {
        guard let device else { throw SessionEnd(.failed, .enterFailed, "the unit is not open") }
        do throws(DFUError) {
            try await DFURuntime.detach(device, bound: bench.profile.bounds.request)
        } catch {
            throw SessionEnd(error, during: .enteringBootloader, otherwise: .enterFailed)
        }
    }

    /// Whether an earlier session was cut off between manifestation and reset.
    private func waitsForReset(_ loader: DFUClient) async throws(SessionEnd) -> Bool {
        do throws(DFUError) {
            return try await loader.getStatus().state == .dfuMANIFESTWAITRESET
        } catch {
            throw SessionEnd(error, during: .enteringBootloader, otherwise: .enterFailed)
        }
    }

    /// The conversation with the unit in DFU mode that is open now.
    func openBootloader() async throws(SessionEnd) -> DFUClient {
        guard let device else { throw SessionEnd(.failed, .enterFailed, "the unit is not open") }
        do throws(DFUError) {
            let loader = try await DFUClient(device, clock: bench.clock, requestBound: bench.profile.bounds.request)
            let claimed = loader.interface.functional.transferSize
            if claimed > loader.blockSize {
                bench.journal.logger.notice(
                    "wTransferSize is more than a control transfer carries",
                    metadata: ["slot": "\(bench.slot)", "claimed": "\(claimed)", "used": "\(loader.blockSize)"])
            }
            return loader
        } catch {
            throw SessionEnd(error, during: .enteringBootloader, otherwise: .enterFailed)
        }
    }

    /// Resets the unit out of its bootloader and asks it again who it is.
    func rebootIntoFirmware(expecting unit: Unit) async throws(SessionEnd) -> Unit {
        try await reset()
        let bound = bench.profile.bounds.comeBack
        let deadline = bench.clock.now + bound
        var returned = try await meet(unit, within: bound)
        // Some bootloaders offer DFU for a while at each boot, before they start the image.
        while present.mode == .bootloader {
            do throws(SessionEnd) { returned = try await meet(unit, within: max(.zero, deadline - bench.clock.now)) } catch {
                guard error.reason == .didNotReturn else { throw error }
                guard await bench.presence.present == present else {
                    throw error.counting(
                        as: .unknown, detail: "it left its bootloader, and was not back on the bus \(bound.seconds) s after its reset")
                }
                throw SessionEnd(
                    .failed, .staysInBootloader,
                    "\(bound.seconds) s after the reset it is still in DFU mode: its bootloader does not start the image, or takes longer than 'comeBack'"
                )
            }
        }
        return returned
    }

    /// Of a unit that stays in DFU mode: who it says it is now.
    func heardInPlace() async throws(SessionEnd) -> Unit {
        guard let device else { throw SessionEnd(.unknown, .contactLost, "the unit is not open") }
        do throws(USBError) {
            let unit = try await bench.identify.unit(device, mode: present.mode)
            hears(unit)
            return unit
        } catch {
            throw lost(error, during: .readingBack)
        }
    }

    /// After an end that left the unit in its bootloader: lets it start its firmware, if it can, so that it does not stay
    /// half-way. What comes of it changes nothing about the outcome.
    func leaveInRuntime(after end: SessionEnd) async {
        guard end.outcome == .failed || end.outcome == .refused, present.mode == .bootloader, device != nil, bench.profile.restarts
        else { return }
        guard (try? await reset()) != nil else { return }
        _ = await bench.presence.next(after: present.device.attachment, within: bench.profile.bounds.comeBack)
        if let now = await bench.presence.present { setDevice(nil, now) }
    }

    // MARK: Leaving and coming back

    func reset() async throws(SessionEnd) {
        guard let device else { throw SessionEnd(.unknown, .contactLost, "the unit is not open") }
        try await waitForPowerUp()
        do throws(USBError) {
            try await device.reset()
        } catch {
            throw lost(error, during: .rebooting)
        }
    }

    /// Waits for the unit's turn among those behind its USB hub, before anything that makes it start its firmware, and with that its radio. (A
    /// bootloader has none: a detach waits for nobody.)
    func waitForPowerUp() async throws(SessionEnd) {
        do { try await bench.powerUps.wait(at: present.device.port) } catch { throw .benchStopped }
    }

    /// Waits until there is something on the bus again under a new number, opens it, and asks who it is before anything
    /// else is made of it: it may be another unit. A bootloader may have no identity of its own; one that it has must fit.
    func meet(_ unit: Unit, within bound: Duration) async throws(SessionEnd) -> Unit {
        await closeLinks()
        let deadline = bench.clock.now + bound
        var lost: SessionEnd?
        while true {
            switch await bench.presence.next(after: present.device.attachment, within: max(.zero, deadline - bench.clock.now)) {
            case .device(let returned):
                setDevice(nil, returned)
                let found: Unit
                do throws(SessionEnd) { found = try await openAndAsk(returned) } catch {
                    // It may leave once more while it comes back, and udev be late in telling of it: until the bound it is waited for.
                    guard error.reason == .contactLost else { throw error }
                    lost = error
                    await closeLinks()
                    continue
                }
                try expectSame(unit, found)
                return found
            case .nothing:
                throw lost ?? SessionEnd(.unknown, .didNotReturn, "it was not back on the bus after \(bound.seconds) s")
            case .elsewhere(let slot):
                throw SessionEnd(.unknown, .seenElsewhere, "it turned up in slot \(slot)")
            case .cancelled:
                throw .benchStopped
            }
        }
    }

    /// - Throws: `swapped` where another unit answers.
    func expectSame(_ unit: Unit, _ found: Unit) throws(SessionEnd) {
        guard let expected = unit.chfId, let other = found.chfId, other != expected else { return }
        throw SessionEnd(.swapped, .otherUnit, "expected \(expected), found \(other)")
    }

    func openAndAsk(_ returned: PresentDevice) async throws(SessionEnd) -> Unit {
        do throws(USBError) {
            let device = try await bench.identify.open(returned)
            setDevice(device, returned)
            let unit = try await bench.identify.unit(device, mode: returned.mode)
            hears(unit)
            return unit
        } catch {
            throw lost(error, during: .rebooting)
        }
    }

    /// What the host can't do with a unit that was there a moment ago says nothing about its content.
    private func lost(_ error: USBError, during step: SessionStep) -> SessionEnd {
        switch error.code {
        case .cancelled: .benchStopped
        case .gone: SessionEnd(.unknown, .contactLost, "\(step.rawValue): \(error.sentence)")
        default: SessionEnd(.unknown, .noAnswer, "\(step.rawValue): \(error.sentence)", isHosts: error.isHosts)
        }
    }
}
