internal import BenchModel
internal import Dock
internal import Links
internal import Protocols

/// A unit on a serial line leaves and comes back: its tty may go with it, or stay, as an adapter's or a device server's does.
extension FlashSession {
    /// How long a unit may still answer after it said that it restarts, and how long one question waits then.
    private static let leaving = Duration.seconds(3)
    /// How long a unit that restarts on a line that stays is left in peace if it says nothing, and after each of its words.
    private static let quiet = Duration.seconds(1)
    private static let greeting = Duration.milliseconds(300)
    private static let probe = Duration.milliseconds(150)
    static let pause = Duration.milliseconds(50)

    /// Restarts the unit and asks it again who it is. Before a new boot is sure, `isThere` says whether it can only be after it.
    func restart(
        expecting unit: Unit, _ settings: SMPSettings, until isThere: () -> Bool
    ) async throws(SessionEnd) -> Unit {
        let wasThere = isThere()
        if present.device.isOnUSB { try await waitForPowerUp() }
        if try await sendReset(), bench.presence.isFixed {
            try await listen()
        } else {
            try await waitUntilLeft { !wasThere && isThere() }
        }
        return try await comeBack(expecting: unit, settings, within: bench.profile.bounds.comeBack)
    }

    /// Once: the answer to a reset may be lost, the unit is on its way then, and a second reset would end the trial of its new image.
    /// - Returns: whether the unit has said that it restarts.
    private func sendReset() async throws(SessionEnd) -> Bool {
        do throws(SMPError) {
            let bound = bench.profile.bounds.request / 2
            do throws(SMPError) {
                _ = try await client().request(OSGroup.Reset(), within: bound, tries: 1)
            } catch {
                guard case .status(.busy, _) = error else { throw error }
                _ = try await client().request(OSGroup.Reset(force: 1), within: bound, tries: 1)
            }
            hasTakenReset = true
            return true
        } catch {
            switch error {
            case .noAnswer: return false
            case _ where error.isGone:
                hasTakenReset = true
                return false
            // It was not restarted: what it holds it has not been asked to start.
            default: throw SessionEnd(error, during: .rebooting, otherwise: .noAnswer).unknownIfFailed(.noAnswer)
            }
        }
    }

    /// Lets a unit start in peace.
    private func listen() async throws(SessionEnd) {
        do throws(SMPError) {
            try await client().listen(quiet: Self.quiet, pause: Self.greeting, bound: Self.leaving)
        } catch {
            if case .cancelled = error { throw .benchStopped }
            // The line is gone: whoever comes back is met.
        }
    }

    /// Waits until the unit no longer answers, its tty is gone, or what it says shows that it has restarted already; not for long, for
    /// the order may not have reached it.
    private func waitUntilLeft(or isBack: () -> Bool) async throws(SessionEnd) {
        let deadline = bench.clock.now + Self.leaving
        var silences = 0
        while bench.clock.now < deadline {
            do throws(SMPError) {
                imageState = try await client().request(ImageGroup.ReadState(), within: Self.probe, tries: 1)
                if isBack() { return }
                silences = 0
            } catch {
                switch error {
                case .cancelled: throw .benchStopped
                case .status: silences = 0
                case _ where error.isGone: return
                default: silences += 1
                }
                if silences == 2 { return }
            }
            try await rest(Self.pause)
        }
    }

    /// Waits until somebody answers at the slot, and asks who it is before anything else is made of it.
    func comeBack(expecting unit: Unit, _ settings: SMPSettings, within bound: Duration) async throws(SessionEnd) -> Unit {
        let deadline = bench.clock.now + bound
        while true {
            let left = deadline - bench.clock.now
            guard left > .zero else {
                if let hostsNo { throw hostsNo }
                throw SessionEnd(.unknown, .didNotReturn, "nobody answered after \(bound.seconds) s")
            }
            if bench.presence.isFixed, let slot = await bench.presence.elsewhere {
                throw SessionEnd(.unknown, .seenElsewhere, "it turned up in slot \(slot)")
            }
            // A tty that has gone comes back as another attachment.
            if await bench.presence.present?.device.attachment != present.device.attachment, !bench.presence.isFixed {
                try await meetAgain(within: left)
            }
            if let found = try await found(settings, expecting: unit) { return found }
            try await rest(Self.pause)
        }
    }

    private func meetAgain(within bound: Duration) async throws(SessionEnd) {
        await closeLinks()
        // What has gone already may come back as it was: udev may have shown it, taken it back, and shown it again.
        let old = await bench.presence.present == nil ? nil : present.device.attachment
        switch await bench.presence.next(after: old, within: bound) {
        case .device(let returned): setDevice(nil, returned)
        case .nothing: throw SessionEnd(.unknown, .didNotReturn, "its tty was not back after \(bound.seconds) s")
        case .elsewhere(let slot): throw SessionEnd(.unknown, .seenElsewhere, "it turned up in slot \(slot)")
        case .cancelled: throw .benchStopped
        }
    }

    /// Who answers now; `nil` where nobody does yet.
    func found(_ settings: SMPSettings, expecting unit: Unit) async throws(SessionEnd) -> Unit? {
        hostsNo = nil
        let found: Unit
        do throws(SMPError) {
            found = try await converse(settings, within: max(Self.probe, .milliseconds(300)))
        } catch {
            switch error {
            case .cancelled: throw .benchStopped
            // It may still be starting; at the deadline that is said.
            default:
                if error.isGone { await closeLinks() }
                if error.isHosts { hostsNo = SessionEnd(error, during: .rebooting, otherwise: .noAnswer) }
                return nil
            }
        }
        if let expected = unit.chfId, let other = found.chfId, other != expected {
            throw SessionEnd(.swapped, .otherUnit, "expected \(expected), found \(other)")
        }
        return found
    }

    /// Reads the unit's own values once more.
    func askAgain() async throws(SessionEnd) -> Unit {
        do throws(SMPError) {
            return try await readUnit()
        } catch {
            throw SessionEnd(error, during: .readingBack, otherwise: .unproven).unknownIfFailed(.unproven)
        }
    }

    func rest(_ time: Duration) async throws(SessionEnd) {
        do { try await bench.clock.sleep(for: time) } catch { throw .benchStopped }
    }
}
