internal import BenchModel
internal import Dock
internal import Journal
internal import Links
internal import Protocols

/// What a session does before its unit is touched: who it is, what it should hold, and that it has begun.
extension FlashSession {
    func identified() async -> Result<Unit, SessionEnd> {
        do throws(SessionEnd) {
            let unit = try await firstWords()
            bench.board.update(bench.slot) { $0.unit = unit }
            if let chfId = unit.chfId {
                pen.unit = chfId
                if let other = await bench.registry.claim(chfId, for: bench.slot, bench.presence) {
                    return .failure(
                        SessionEnd(.refused, .duplicateIdentity, "\(chfId) is plugged into slot \(other) at the same time"))
                }
                bench.board.forget(chfId, except: bench.slot)
            }
            return .success(unit)
        } catch {
            // The session could not ask it; udev has, and what went wrong is this unit's.
            if bench.profile.identity == .serialNumber, pen.unit == nil { pen.unit = present.device.identity }
            return .failure(error)
        }
    }

    /// Opens the unit and asks it who it is.
    private func firstWords() async throws(SessionEnd) -> Unit {
        try await remedied(Unit()) { () async throws(SessionEnd) in
            if let settings = bench.profile.smp { return try await firstWords(over: settings) }
            do throws(USBError) {
                let opened: any USBDevice
                if let device { opened = device } else { opened = try await bench.identify.open(present) }
                setDevice(opened, present)
                let unit = try await bench.identify.unit(opened, mode: present.mode)
                hears(unit)
                return unit
            } catch {
                throw SessionEnd(error, during: .identifying, otherwise: .identificationFailed)
            }
        }
    }

    private func firstWords(over settings: SMPSettings) async throws(SessionEnd) -> Unit {
        let silence: SessionEnd
        do throws(SMPError) { return try await converse(settings, within: bench.profile.bounds.request) } catch {
            silence = SessionEnd(error, during: .identifying, otherwise: .identificationFailed)
        }
        // An adapter is there while its unit starts, or moves an image, which must not be disturbed; a unit's own tty is not.
        guard silence.isSilence, present.device.isOnUSB, !present.device.node.hasPrefix("/dev/ttyACM") else { throw silence }
        do throws(SessionEnd) {
            return try await comeBack(expecting: Unit(), settings, within: bench.profile.bounds.comeBack)
        } catch {
            if error.isHosts { throw error.counting(as: .failed, .identificationFailed) }
            throw error.reason == .didNotReturn ? silence : error
        }
    }

    func checked(_ identified: Result<Unit, SessionEnd>, _ history: UnitRecord) async -> Result<Route, SessionEnd> {
        switch identified {
        case .failure(let end): return .failure(end)
        case .success(let unit):
            seesApproval(try? await bench.checks.targets.target(for: unit, variant: bench.profile.variant).approval)
            do throws(Refusal) {
                let route = try await bench.checks.route(for: unit, mode: present.mode, last: history.lastVersion)
                bench.board.update(bench.slot) { $0.targetVersion = route.target.version }
                return .success(route)
            } catch {
                return .failure(SessionEnd(error))
            }
        }
    }

    func begin(
        _ identified: Result<Unit, SessionEnd>, _ checked: Result<Route, SessionEnd>
    ) async throws -> (session: SessionID, checksOff: [String]) {
        let route = try? checked.get()
        let unit = try? identified.get()
        let checksOff = bench.checks.off(route?.target, unit, mode: present.mode)
        let started = JournalEvent.SessionStarted(
            unit: unit ?? Unit(), profile: bench.profile.name, variant: bench.profile.variant, mode: present.mode, target: route?.target,
            steps: route?.before.map(\.version) ?? [], checksOff: checksOff)
        let record = try await pen.record(.sessionStarted(started))
        bench.board.update(bench.slot) { $0.session = record.number }
        return (record.number, checksOff)
    }

    /// The unit's earlier sessions; this one has not begun yet.
    func history(of unit: Unit?) async -> UnitRecord {
        guard let chfId = unit?.chfId ?? pen.unit, let record = try? await bench.journal.journal.unit(chfId) else {
            return UnitRecord(chfId: EUI64(rawValue: 0), sessions: [])
        }
        return record
    }
}
