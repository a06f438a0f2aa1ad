internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Protocols

/// The steps between run-time mode and DFU mode, in both directions.
extension FlashSession {
    /// Detaches the unit into its bootloader, if it is not there already, and opens the conversation.
    func enterBootloader(expecting unit: Unit) async throws(SessionEnd) -> DFUClient {
        if present.mode == .runtime {
            guard let device else { throw SessionEnd(.failed, .enterFailed, "the unit is not open") }
            do throws(DFUError) {
                try await DFURuntime.detach(device, bound: bench.profile.bounds.request)
            } catch {
                throw SessionEnd(error, during: .enteringBootloader, otherwise: .enterFailed)
            }
            try await meet(within: bench.profile.bounds.enterBootloader)
            guard present.mode == .bootloader else {
                throw SessionEnd(.failed, .enterFailed, "the unit came back in run-time mode after DFU_DETACH")
            }
            try await expectSameUnit(unit)
        }
        try await mark(.bootloaderEntered)
        return try await openBootloader()
    }

    /// Back into the bootloader after an image was activated that only a reboot starts.
    func reenterBootloader(expecting unit: Unit, _ target: Target) async throws(SessionEnd) -> DFUClient {
        step(.rebooting)
        let wasReset = try await reset()
        if wasReset { try await meet(within: bench.profile.bounds.comeBack) }
        return try await enterBootloader(expecting: unit)
    }

    /// The conversation with the unit in DFU mode that is open now.
    func openBootloader() async throws(SessionEnd) -> DFUClient {
        guard let device else { throw SessionEnd(.failed, .enterFailed, "the unit is not open") }
        do throws(DFUError) {
            return try await DFUClient(device, clock: bench.clock, requestBound: bench.profile.bounds.request)
        } catch {
            throw SessionEnd(error, during: .enteringBootloader, otherwise: .enterFailed)
        }
    }

    /// Resets the unit out of its bootloader and asks it again who it is.
    func rebootIntoFirmware(expecting unit: Unit, _ target: Target) async throws(SessionEnd) -> Unit {
        _ = try await reset()
        try await meet(within: bench.profile.bounds.comeBack)
        guard present.mode == .runtime else {
            throw SessionEnd(
                .failed, .staysInBootloader, "after the reset it is in DFU mode again: its bootloader does not start the image")
        }
        return try await askAgain()
    }

    /// After an end that left the unit in its bootloader: lets it start its firmware, if it can, so that it does not stay
    /// half-way. What comes of it changes nothing about the outcome.
    func leaveInRuntime(after end: SessionEnd) async {
        guard end.outcome == .failed || end.outcome == .refused, present.mode == .bootloader, device != nil else { return }
        guard (try? await reset()) == true else { return }
        _ = await bench.presence.next(after: present.device.attachment, within: bench.profile.bounds.comeBack)
        if let now = await bench.presence.present { setDevice(nil, now) }
    }

    // MARK: Leaving and coming back

    /// - Returns: always `true`; the port was reset.
    private func reset() async throws(SessionEnd) -> Bool {
        guard let device else { return false }
        do throws(USBError) {
            try await device.reset()
        } catch {
            throw SessionEnd(error, during: .rebooting, otherwise: .transferFailed)
        }
        return true
    }

    /// Waits until the unit is on the bus again under a new number, and opens it.
    private func meet(within bound: Duration) async throws(SessionEnd) {
        await device?.close()
        let arrival = await bench.presence.next(after: present.device.attachment, within: bound)
        switch arrival {
        case .device(let returned):
            setDevice(nil, returned)
            do throws(USBError) {
                setDevice(try await bench.identify.open(returned), returned)
            } catch {
                throw SessionEnd(error, during: .rebooting, otherwise: .identificationFailed)
            }
        case .nothing:
            throw SessionEnd(.unknown, .didNotReturn, "it was not back on the bus after \(bound.seconds) s")
        case .elsewhere(let slot):
            throw SessionEnd(.unknown, .seenElsewhere, "it turned up in slot \(slot)")
        case .cancelled:
            throw .benchStopped
        }
    }

    private func askAgain() async throws(SessionEnd) -> Unit {
        guard let device else { throw SessionEnd(.unknown, .contactLost, "the unit is not open") }
        do throws(USBError) {
            return try await bench.identify.unit(device, mode: present.mode)
        } catch {
            throw SessionEnd(.unknown, error.code == .gone ? .contactLost : .noAnswer, "reading back: \(error.sentence)")
        }
    }

    /// A bootloader may have no identity of its own; one that it has must be the unit's.
    private func expectSameUnit(_ unit: Unit) async throws(SessionEnd) {
        let found = try await askAgain()
        if let expected = unit.chfId, let other = found.chfId, other != expected {
            throw SessionEnd(.swapped, .otherUnit, "expected \(expected), found \(other) in DFU mode")
        }
    }
}
