internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Logging
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
        if let slot = await bench.presence.elsewhere { throw SessionEnd(.unknown, .seenElsewhere, "it turned up in slot \(slot)") }
        // Neither what has come in its place, nor what is on the same port in another slot, is to be disturbed.
        guard !bench.sharesPort, await hasPort else { return false }
        do throws(SessionEnd) {
            switch remedy {
            case .portReset: return try await resetPort(unit, failure)
            case .powerCycle: return try await switchPower(unit, failure)
            }
        } catch {
            // What came of the remedy changes nothing about what was found before it, unless the unit is another one now.
            guard error.outcome == .swapped || error.reason == .seenElsewhere || error == .benchStopped else { return false }
            throw error
        }
    }

    /// Whether nothing else has come to the unit's port.
    private var hasPort: Bool {
        get async { await bench.presence.present.map { $0.device.attachment == present.device.attachment } ?? true }
    }

    private func resetPort(_ unit: Unit, _ failure: SessionEnd) async throws(SessionEnd) -> Bool {
        if let settings = bench.profile.smp { return try await resetPortOfLine(unit, settings, failure) }
        if device == nil {
            do throws(USBError) { setDevice(try await bench.identify.open(present), present) } catch { return false }
        }
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
        // udev tells late of a tty that has gone and come back: what is opened before would be closed again.
        await bench.presence.departure(of: present.device.attachment, within: Self.rebinding)
        _ = try await comeBack(expecting: unit, settings, within: bench.profile.bounds.request)
        return true
    }

    /// Within this udev has told of a tty that was bound anew.
    private static let rebinding = Duration.seconds(1)

    private func switchPower(_ unit: Unit, _ failure: SessionEnd) async throws(SessionEnd) -> Bool {
        do throws(USBError) {
            guard let (hub, number) = try await bench.identify.opener.openHub(above: present.device) else { return false }
            let isSwitched: Bool
            do throws(USBError) { isSwitched = try await cyclePower(at: hub, number, failure) } catch {
                await hub.close()
                bench.journal.logger.error("power cycle", metadata: ["slot": "\(bench.slot)", "error": "\(error.sentence)"])
                throw error
            }
            await hub.close()
            guard isSwitched else { return false }
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

    /// - Returns: whether the USB hub can do that.
    private func cyclePower(at hub: any USBDevice, _ number: UInt8, _ failure: SessionEnd) async throws(USBError) -> Bool {
        let request = bench.profile.bounds.request
        guard let port = try await USBHubPort(hub, port: number, clock: bench.clock, requestBound: request) else { return false }
        try await markedInLink(.portPowerCycled(.init(because: failure.detail, syspath: present.device.syspath)))
        await closeLinks()
        // The journal may have kept it waiting.
        guard await hasPort else { return false }
        hasCycledPower = true
        let attachment = present.device.attachment
        do throws(USBError) {
            try await port.cyclePower(on: bench.lane) {
                await bench.presence.departure(of: attachment, within: request)
                // Cancelled or not, the unit gets its power back.
                try? await bench.clock.sleep(for: Self.discharge)
                try? await waitForPowerUp()
            }
        } catch {
            bench.board.update(bench.slot) {
                $0.message = "its port may have no power: once no other slot of its USB hub is running, switch that USB hub off and on"
            }
            throw error
        }
        return true
    }

    /// Without power for less than this, a unit's capacitors may carry it through.
    private static let discharge = Duration.seconds(1)

    private func markedInLink(_ event: JournalEvent) async throws(USBError) {
        do throws(SessionEnd) { try await mark(event) } catch { throw USBError(.cancelled, "the bench is stopping") }
    }

    /// The unit that has stayed where it is, asked again who it is.
    private func askAgain(_ unit: Unit) async throws(SessionEnd) {
        await closeLinks()
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
    var isSilence: Bool { !isHosts && !isAnswer && [.identificationFailed, .enterFailed, .noAnswer].contains(reason) }
}
