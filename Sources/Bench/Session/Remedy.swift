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
    /// Does a step, and does it again after each remedy that could be applied, as long as the unit is silent.
    func remedied<Value>(
        _ unit: Unit, _ step: () async throws(SessionEnd) -> Value
    ) async throws(SessionEnd) -> Value {
        var left = Remedy.allCases[...]
        while true {
            let failure: SessionEnd
            do throws(SessionEnd) { return try await step() } catch { failure = error }
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

    private func switchPower(_ unit: Unit, _ failure: SessionEnd) async throws(SessionEnd) -> Bool {
        let request = bench.profile.bounds.request
        do throws(USBError) {
            guard let (hub, number) = try await bench.identify.opener.openHub(above: present.device) else { return false }
            guard let port = try await USBHubPort(hub, port: number, requestBound: request) else {
                await hub.close()
                return false
            }
            try await markedInHub(.portPowerCycled(.init(because: failure.detail)))
            await device?.close()
            setDevice(nil, present)
            // Until the unit is seen to have gone, which is what discharges it too.
            let attachment = present.device.attachment
            var failure: USBError?
            do throws(USBError) {
                try await port.cyclePower(on: bench.lane) { await bench.presence.departure(of: attachment, within: request) }
            } catch {
                failure = error
            }
            await hub.close()
            if let failure { throw failure }
        } catch {
            throw SessionEnd(error, during: .identifying, otherwise: failure.reason)
        }
        _ = try await meet(unit, within: bench.profile.bounds.comeBack)
        return true
    }

    private func markedInHub(_ event: JournalEvent) async throws(USBError) {
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
