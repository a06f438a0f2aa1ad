internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Protocols

/// What is tried, one after the other, with a unit that does not answer, before a step is tried again.
enum Remedy: CaseIterable {
    /// The unit's port is reset.
    case portReset
    /// The port's power is switched off and on, where the USB hub can do that.
    case powerCycle
}

extension FlashSession {
    /// Does a step, and does it again after each remedy that could be applied, as long as the unit is silent. `silence`: what was found
    /// before, where the step makes sense only after a remedy.
    func remedied<Value>(
        _ unit: Unit, after silence: SessionEnd? = nil, _ step: () async throws(SessionEnd) -> Value
    ) async throws(SessionEnd) -> Value {
        var left = Remedy.allCases[...]
        var found = silence
        while true {
            let failure: SessionEnd
            if let silence = found.take() {
                failure = silence
            } else {
                do throws(SessionEnd) { return try await step() } catch { failure = error }
            }
            guard failure.isSilence else { throw failure }
            var isApplied = false
            while !isApplied {
                guard let remedy = left.popFirst() else { throw failure }
                isApplied = try await apply(remedy, unit, because: failure)
            }
        }
    }

    /// - Returns: whether the unit was met again.
    private func apply(_ remedy: Remedy, _ unit: Unit, because failure: SessionEnd) async throws(SessionEnd) -> Bool {
        do throws(SessionEnd) {
            switch remedy {
            case .portReset: return try await resetPort(unit, failure)
            case .powerCycle: return try await switchPower(unit, failure)
            }
        } catch {
            // What came of the remedy changes nothing about what was found before it, unless the unit is another one now.
            guard error.outcome == .swapped || error == .benchStopped else { return false }
            throw error
        }
    }

    private func resetPort(_ unit: Unit, _ failure: SessionEnd) async throws(SessionEnd) -> Bool {
        if let settings = bench.profile.smp { return try await resetPortOfLine(unit, settings, failure) }
        guard device != nil else { return false }
        try await mark(.portReset(.init(because: failure.detail)))
        try await reset()
        // In its bootloader a reset makes it another device; in its firmware it stays.
        if present.mode == .bootloader, bench.profile.restarts {
            _ = try await meet(unit, within: bench.profile.bounds.comeBack)
        } else {
            try await askAgain(unit)
        }
        return true
    }

    /// The unit may not notice; its tty goes and comes back, for no driver of ttys stays bound through a reset.
    private func resetPortOfLine(_ unit: Unit, _ settings: SMPSettings, _ failure: SessionEnd) async throws(SessionEnd) -> Bool {
        do throws(USBError) {
            guard present.device.isOnUSB, let below = try await bench.identify.opener.openUSB(below: present.device) else { return false }
            await closeLinks()
            do throws(USBError) {
                try await markedInLink(.portReset(.init(because: failure.detail)))
                try await below.reset()
            } catch {
                await below.close()
                throw error
            }
            await below.close()
        } catch {
            throw SessionEnd(error, during: .identifying, otherwise: failure.reason)
        }
        _ = try await comeBack(expecting: unit, settings, within: bench.profile.bounds.request)
        return true
    }

    private func switchPower(_ unit: Unit, _ failure: SessionEnd) async throws(SessionEnd) -> Bool {
        let request = bench.profile.bounds.request
        do throws(USBError) {
            guard let (hub, number) = try await bench.identify.opener.openHub(above: present.device) else { return false }
            guard let port = try await USBHubPort(hub, port: number, requestBound: request) else {
                await hub.close()
                return false
            }
            try await markedInLink(.portPowerCycled(.init(because: failure.detail)))
            await closeLinks()
            // Until the unit is seen to have gone, which is what discharges it too.
            let attachment = present.device.attachment
            var failure: USBError?
            do throws(USBError) {
                try await port.cyclePower(on: bench.lane) {
                    await bench.presence.departure(of: attachment, within: request)
                    // Cancelled or not, the unit gets its power back.
                    try? await waitForPowerUp()
                }
            } catch {
                failure = error
            }
            await hub.close()
            if let failure { throw failure }
        } catch {
            throw SessionEnd(error, during: .identifying, otherwise: failure.reason)
        }
        let bound = bench.profile.bounds.comeBack
        if let settings = bench.profile.smp {
            _ = try await comeBack(expecting: unit, settings, within: bound)
        } else {
            _ = try await meet(unit, within: bound)
        }
        return true
    }

    private func markedInLink(_ event: JournalEvent) async throws(USBError) {
        do throws(SessionEnd) { try await mark(event) } catch { throw USBError(.cancelled, "the bench is stopping") }
    }

    /// The unit that has stayed where it is, asked again who it is.
    private func askAgain(_ unit: Unit) async throws(SessionEnd) {
        await device?.close()
        let found: Unit
        do throws(SessionEnd) { found = try await openAndAsk(present) } catch {
            // It has left after all.
            guard error.reason == .contactLost else { throw error }
            _ = try await meet(unit, within: bench.profile.bounds.comeBack)
            return
        }
        try expectSame(unit, found)
    }
}

extension SessionEnd {
    /// Whether the unit did not answer, or not sensibly. A device that another program has in use is left in peace.
    var isSilence: Bool { !isHosts && [.identificationFailed, .enterFailed, .noAnswer].contains(reason) }
}
