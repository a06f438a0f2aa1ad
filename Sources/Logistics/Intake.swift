public import BenchModel
internal import Journal

// What is decided of a load that has arrived, and of single units of it afterwards.

extension ConsignmentDesk {
    /// Accepts or rejects a load or a part of it. `code`: why it is rejected.
    public func decideIntake(
        _ id: ConsignmentID, _ decision: IntakeDecision, by: Operator
    ) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let consignment = try reader.existing(id).expecting(.delivered, .takenIn)
            if decision.code == .other { try reason(decision.text) }
            try reader.expect(decision, in: consignment)
            return [.of(.intakeDecided(.init(consignment: id, decision: decision, by: by)), unit: decision.part.unit)]
        }
    }

    /// Ends the intake: the register is asked about every unit that is expected and of which nothing was decided on its own, those it
    /// speaks against are rejected, and the others may be flashed.
    public func takeIn(_ id: ConsignmentID, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let consignment = try reader.existing(id).expecting(.delivered)
            var drafts: [JournalDraft] = []
            var expected = 0
            let asks = try consignment.kind == .returnForReflash && reader.hasRegister()
            try reader.eachUnit(of: consignment) { unit in
                if unit.announced != nil { expected += 1 }
                if case .unit = unit.decision?.value.part { return }
                guard asks, unit.announced != nil, unit.decision?.value.code == nil,
                    let objection = Register.objection(to: unit.chfId, of: consignment, try reader.registered(unit.chfId))
                else { return }
                drafts.append(.of(.intakeDecided(.init(consignment: id, decision: objection, by: by)), unit: unit.chfId))
            }
            guard expected > 0 else {
                throw LogisticsRefusal(.stage, "consignment \(id) expects no unit yet: import its notice first ('consignment notice')")
            }
            return drafts + [.of(.loadTakenIn(.init(id, text: nil, by: by)))]
        }
    }

    /// Takes in a unit that came unexpected.
    public func admit(_ unit: EUI64, into id: ConsignmentID, reason text: String, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let consignment = try reader.existing(id).expecting(.delivered, .takenIn)
            let found = try reader.existing(unit, of: consignment)
            guard found.announced == nil else {
                throw LogisticsRefusal(.unitState, "consignment \(id) expects \(unit) already")
            }
            if let other = try reader.openCase(of: unit), other.consignment.consignment != id, other.unit.announced != nil {
                throw LogisticsRefusal(.unitState, "\(unit) is expected in consignment \(other.consignment.consignment)")
            }
            var drafts = [JournalDraft.of(.unitAdmitted(.init(id, text: try reason(text), by: by)), unit: unit)]
            if found.hold?.value == .notExpected { drafts.append(.of(.holdLifted(.init(id, text: "admitted", by: by)), unit: unit)) }
            return drafts
        }
    }

    /// Holds a unit until somebody has looked at it.
    public func hold(_ unit: EUI64, of id: ConsignmentID, text: String?, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let found = try reader.existing(unit, of: try reader.existing(id).whileOpen())
            guard found.hold == nil else { throw LogisticsRefusal(.unitState, "\(unit) is held already") }
            guard found.packed == nil else {
                throw LogisticsRefusal(.unitState, "\(unit) is packed: take it out first ('pack undo')")
            }
            return [.of(.unitHeld(.init(consignment: id, reason: .byHand, text: text, by: by)), unit: unit)]
        }
    }

    /// Lifts a hold.
    public func lift(_ unit: EUI64, of id: ConsignmentID, reason text: String, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let found = try reader.existing(unit, of: try reader.existing(id).whileOpen())
            guard found.hold != nil else { throw LogisticsRefusal(.unitState, "\(unit) is not held") }
            return [.of(.holdLifted(.init(id, text: try reason(text), by: by)), unit: unit)]
        }
    }

    /// Declares that a unit is not there.
    public func declareMissing(_ unit: EUI64, of id: ConsignmentID, reason text: String, by: Operator) async throws(LogisticsRefusal)
        -> View
    {
        try await decide(id) { reader in
            let found = try reader.existing(unit, of: try reader.existing(id).expecting(.delivered, .takenIn))
            guard found.announced != nil, found.state == .awaiting, found.scanned == nil else {
                let seen = found.scanned != nil ? "it was scanned" : "it is \(found.state.rawValue)"
                throw LogisticsRefusal(.unitState, "\(unit): expected a unit that is awaiting and was never seen, found that \(seen)")
            }
            return [.of(.unitMissing(.init(id, text: try reason(text), by: by)), unit: unit)]
        }
    }

    /// Lets a unit go though nobody knows what it holds.
    public func returnUnproven(_ unit: EUI64, of id: ConsignmentID, reason text: String, by: Operator) async throws(LogisticsRefusal)
        -> View
    {
        try await decide(id) { reader in
            let found = try reader.existing(unit, of: try reader.existing(id).expecting(.takenIn))
            guard found.state == .unknown else {
                throw LogisticsRefusal(.unitState, "\(unit): expected a unit that is unknown, found it \(found.state.rawValue)")
            }
            return [.of(.unitReturnedUnproven(.init(id, text: try reason(text), by: by)), unit: unit)]
        }
    }

    /// Confirms why a unit leaves by the fault-return process.
    public func confirmFault(
        _ unit: EUI64, of id: ConsignmentID, _ fault: FaultReason, text: String?, by: Operator
    ) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let found = try reader.existing(unit, of: try reader.existing(id).expecting(.takenIn))
            guard found.state == .failed else {
                throw LogisticsRefusal(.unitState, "\(unit): expected a unit that has failed, found it \(found.state.rawValue)")
            }
            guard found.fault == nil else {
                throw LogisticsRefusal(.unitState, "\(unit) has the fault reason \(found.fault?.value.rawValue ?? ""); correct that first")
            }
            return [.of(.faultConfirmed(.init(consignment: id, reason: fault, text: text, by: by)), unit: unit)]
        }
    }

    /// Says that an earlier event does not count.
    public func correct(
        _ event: EventNumber, of id: ConsignmentID, reason text: String, by: Operator
    ) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in [try reader.correction(of: event, in: id, reason: text, by: by)] }
    }
}

extension JournalReader {
    /// The event by which another one does not count any more.
    func correction(of event: EventNumber, in id: ConsignmentID, reason text: String, by: Operator) throws -> JournalDraft {
        let consignment = try existing(id)
        guard let record = try self.event(event), let said = try ConsignmentEvent(record), said.consignment == id else {
            throw LogisticsRefusal(.notCorrectable, "event \(event) is none of consignment \(id)")
        }
        _ = said.isPacking ? try consignment.whileUnshipped() : try consignment.whileOpen()
        guard said.isCorrectable else {
            throw LogisticsRefusal(.notCorrectable, "event \(event) (\(record.kind)) can't be taken back; decide anew instead")
        }
        if let other = try correction(of: event) {
            throw LogisticsRefusal(.notCorrectable, "event \(event) was corrected by event \(other)")
        }
        if case .packageClosed(let closed) = said, let package = try package(closed.sscc), package.pallet != nil {
            throw LogisticsRefusal(.notCorrectable, "carton \(closed.sscc) stands on a pallet: take it down first")
        }
        if case .unitPacked(let packed) = said, try package(packed.sscc)?.closed != nil {
            throw LogisticsRefusal(.notCorrectable, "carton \(packed.sscc) is closed: correct that first")
        }
        if case .cartonStacked(let stacked) = said, try package(stacked.pallet)?.closed != nil {
            throw LogisticsRefusal(.notCorrectable, "pallet \(stacked.pallet) is closed: correct that first")
        }
        return .of(.eventCorrected(.init(consignment: id, event: event, reason: try reason(text), by: by)), unit: record.unit)
    }

    /// The part is there, and nothing of it that would be rejected has been on the bench.
    fileprivate func expect(_ decision: IntakeDecision, in consignment: ConsignmentRecord) throws {
        let part = decision.part
        if case .unit(let unit) = part { return try existing(unit, of: consignment).expectUntouched() }
        var isThere = false
        try eachUnit(of: consignment) { unit in
            switch part {
            case .pallet(let name): guard unit.pallet == name else { return }
            case .carton(let name): guard unit.carton == name else { return }
            case .load: break
            case .unit: return
            }
            isThere = true
            if decision.code != nil { try unit.expectUntouched() }
        }
        guard isThere || part.precision == 0 else {
            throw LogisticsRefusal(.partUnknown, "consignment \(consignment.consignment) announces no \(part)")
        }
    }
}

extension UnitCase {
    fileprivate func expectUntouched() throws {
        guard sessions.isEmpty, packed == nil else {
            throw LogisticsRefusal(.unitState, "\(chfId) has been on the bench: the intake of it is over, hold it instead")
        }
    }
}

extension LoadPart {
    var unit: EUI64? { if case .unit(let unit) = self { unit } else { nil } }
}

extension ConsignmentRecord {
    /// Itself, while something of it may change.
    func whileOpen() throws -> ConsignmentRecord {
        guard isOpen else {
            throw LogisticsRefusal(.stage, "consignment \(consignment) is \(stage.rawValue): nothing of it changes any more")
        }
        return self
    }
}

extension ConsignmentEvent {
    /// Whether it is done until the consignment is shipped.
    fileprivate var isPacking: Bool {
        switch self {
        case .unitPacked, .packageClosed, .cartonStacked: true
        default: false
        }
    }

    /// Whether it can be taken back by an event.
    var isCorrectable: Bool {
        switch self {
        case .intakeDecided, .scanned, .unitBound, .unitHeld, .unitMissing, .unitReturnedUnproven, .faultConfirmed, .unitPacked,
            .packageClosed, .cartonStacked, .unitAdmitted:
            true
        default: false
        }
    }
}
