internal import BenchModel
internal import Journal

/// What one scan comes down to, decided on one moment of the journal.
struct ScanTurn {
    let order: ScanOrder
    let station: ScanDesk.Station
    let config: LogisticsConfig
    let slots: Set<SlotID>
    let by: Operator
    let reader: JournalReader

    /// The scan's own event first, then those of what it asks for.
    /// - Throws: ``KnownScan`` where it was recorded before.
    mutating func drafts(for code: ScanCode) throws -> [JournalDraft] {
        if let known = try reader.scan(order.scan), let answer = try ScanAnswer(known) { throw KnownScan(answer: answer) }
        do {
            switch code {
            case .unit(let identity): return try unit(identity)
            case .package(let sscc): return try package(sscc)
            case .slot(let slot): return slotScanned(slot)
            case .card(let card): return try self.card(card)
            case .unreadable:
                return [
                    said(.unreadable, "'\(order.code.prefix(40))' is no unit, carton, pallet, slot or card: scan again, or write it down")
                ]
            }
        } catch let refusal as LogisticsRefusal where refusal.code != .journal {
            return [said(.refused, refusal.message)]
        }
    }

    // MARK: Units

    private func unit(_ identity: EUI64) throws -> [JournalDraft] {
        let mapped = try reader.openCase(of: identity) == nil ? reader.unit(printedAs: identity) : nil
        let unit = mapped ?? identity
        guard let (consignment, found) = try reader.openCase(of: unit), found.announced != nil else { return try unexpected(unit) }
        let id = consignment.consignment
        if let wanted = order.consignment, wanted != id, station.slot == nil, station.carton == nil {
            return [said(.unexpected, "\(wanted) does not expect \(unit): it is of \(id)", id, unit)]
        }
        if let package = found.packed, station.slot != nil || station.carton != package.value {
            return [said(.alreadyPacked, "\(unit) is in carton \(package.value) already", id, unit)]
        }
        if let slot = station.slot { return try bind(unit, to: slot, id, found) }
        if let carton = station.carton { return try pack(unit, into: carton, id, found) }
        if found.missing != nil {
            return [said(.held, "\(unit) was declared missing: correct event \(found.missing ?? 0) ('consignment correct')", id, unit)]
        }
        if found.decision?.value.code != nil || found.hold != nil {
            let why = found.decision?.value.code?.rawValue ?? found.hold?.value.rawValue ?? ""
            return [said(.held, "\(unit) is \(found.state.rawValue) (\(why)): put it aside", id, unit)]
        }
        if found.scanned != nil { return [said(.duplicate, "\(unit) was scanned before; it is \(found.state.rawValue)", id, unit)] }
        return [said(.expected, "\(unit) is expected in \(id)", id, unit)]
    }

    private func unexpected(_ unit: EUI64) throws -> [JournalDraft] {
        let message = "no open consignment expects \(unit): put it aside"
        guard let id = order.consignment else { return [said(.unexpected, message, nil, unit)] }
        let consignment = try reader.existing(id)
        guard consignment.isOpen else { return [said(.unexpected, message, nil, unit)] }
        let isKnown = try reader.unit(unit, of: consignment) != nil
        let scan = said(.unexpected, "\(id) does not expect \(unit): put it aside", id, unit)
        if isKnown { return [scan] }
        let held = ConsignmentEvent.UnitHeld(consignment: id, reason: .notExpected, text: nil, by: by)
        return [scan, .of(.unitHeld(held), unit: unit)]
    }

    private func bind(_ unit: EUI64, to slot: SlotID, _ id: ConsignmentID, _ found: UnitCase) throws -> [JournalDraft] {
        guard !found.state.isHeldBack else {
            return [said(.held, "\(unit) is \(found.state.rawValue): put it aside", id, unit, slot: slot)]
        }
        let bound = ConsignmentEvent.UnitBound(consignment: id, by: by)
        if let present = try reader.unit(in: slot), present != unit {
            // Who it is was proven there: it was only not taken out yet.
            if let other = try reader.openCase(of: present), !other.unit.state.isOpen {
                let state = other.unit.state.rawValue
                return [
                    said(
                        .refused, "slot \(slot) still has \(present) in it, which is \(state): take it out, and scan the slot again", id,
                        unit,
                        slot: slot)
                ]
            }
            // Both are held: one of two labels is wrong, and nobody knows which.
            var drafts = [
                said(
                    .held, "slot \(slot) has \(present) in it, and \(unit) was scanned: take it out and look at both", id, unit, slot: slot),
                holding(unit, id, "scanned into slot \(slot), which has \(present) in it"),
            ]
            if let other = try reader.openCase(of: present), other.unit.hold == nil {
                drafts.append(holding(present, other.consignment.consignment, "in slot \(slot), into which \(unit) was scanned"))
            }
            return drafts
        }
        return [
            said(.bound, "\(unit) belongs into slot \(slot): dock it", id, unit, slot: slot),
            .of(.unitBound(bound), unit: unit, slot: slot),
        ]
    }

    private func holding(_ unit: EUI64, _ id: ConsignmentID, _ text: String) -> JournalDraft {
        .of(.unitHeld(.init(consignment: id, reason: .otherUnitInSlot, text: text, by: by)), unit: unit)
    }

    private func pack(_ unit: EUI64, into carton: SSCC, _ id: ConsignmentID, _ found: UnitCase) throws -> [JournalDraft] {
        if found.packed?.value == carton { return [said(.duplicate, "\(unit) is in this carton already", id, unit)] }
        let packing = try reader.packing(unit, into: carton, config, by: by)
        let count = (try reader.package(carton)?.count ?? 0) + 1
        return [
            said(.packed, "\(unit) is unit \(count) of \(config.cartonCapacity) in carton \(carton)", id, unit, carton: carton), packing,
        ]
    }

    // MARK: Cartons, slots and cards

    private func package(_ sscc: SSCC) throws -> [JournalDraft] {
        guard let package = try reader.package(sscc) else {
            if let (id, units) = try reader.announced(sscc.digits) {
                let count = units == 1 ? "1 unit" : "\(units) units"
                guard order.consignment == nil || order.consignment == id else {
                    return [
                        said(.unexpected, "\(order.consignment?.name ?? "") does not expect \(sscc): it is of \(id), with \(count)", id)
                    ]
                }
                return [said(.expected, "\(sscc) is expected in \(id), with \(count)", id)]
            }
            return [said(.refused, "carton \(sscc) is none of this bench's: scan the units in it")]
        }
        if package.level == .pallet {
            guard let carton = station.carton else {
                return [said(.refused, "scan the carton first, then its pallet", package.consignment)]
            }
            let closed = try reader.package(carton)
            guard let closed, closed.closed != nil else { return [said(.refused, "close carton \(carton) first", package.consignment)] }
            return [said(.refused, "use 'reflashctl pack stack' to put carton \(carton) on pallet \(sscc)", package.consignment)]
        }
        guard package.closed == nil else {
            return [said(.refused, "carton \(sscc) is closed, with \(package.count) units in it", package.consignment)]
        }
        return [
            said(
                .cartonReady, "units that are scanned now go into carton \(sscc), which has \(package.count)", package.consignment, nil,
                carton: sscc)
        ]
    }

    private func slotScanned(_ slot: SlotID) -> [JournalDraft] {
        guard slots.contains(slot) else { return [said(.refused, "this bench has no slot \(slot)")] }
        return [said(.slotReady, "now scan the unit for slot \(slot)", nil, nil, slot: slot)]
    }

    private func card(_ card: ScanCode.Card) throws -> [JournalDraft] {
        switch card {
        case .operator(let name): return [said(.operatorKnown, "\(name) scans here now")]
        case .undo:
            guard let first = station.done.first else {
                return [said(.refused, "there is nothing to take back here: the last scan changed nothing")]
            }
            let corrections = try station.done.map {
                try reader.correction(of: $0.event, in: $0.consignment, reason: "undone by card", by: by)
            }
            let events = station.done.map { "\($0.event)" }.joined(separator: " and ")
            let what = station.unit.map { " of \($0.id)" } ?? ""
            let sentence = "event \(events)\(what) is taken back"
            return [said(.undone, sentence, first.consignment, station.unit?.id)] + corrections
        case .hold:
            guard let (unit, id) = station.unit else {
                return [said(.refused, "scan the unit first, then HOLD; one that nobody expects is put aside anyway")]
            }
            let found = try reader.existing(unit, of: try reader.existing(id).whileOpen())
            guard found.hold == nil else { return [said(.held, "\(unit) is held already", id, unit)] }
            if let carton = found.packed?.value {
                return [said(.refused, "\(unit) is in carton \(carton): take it out first ('pack undo')", id, unit)]
            }
            let held = ConsignmentEvent.UnitHeld(consignment: id, reason: .byHand, text: "by card", by: by)
            return [said(.held, "\(unit) is held: put it aside", id, unit), .of(.unitHeld(held), unit: unit)]
        case .cartonFull:
            guard let carton = station.carton, let package = try reader.package(carton) else {
                return [said(.refused, "no carton is being filled here: scan one first")]
            }
            let closed = try reader.closing(carton, by: by)
            let (opened, next) = try reader.opening(.carton, for: package.consignment, isFaulty: package.isFaulty, config, by: by)
            return [
                said(
                    .cartonClosed, "carton \(carton) is closed with \(package.count) units; the next is \(next)", package.consignment, nil,
                    carton: next), closed, opened,
            ]
        }
    }

    private func said(
        _ verdict: ScanVerdict, _ message: String, _ consignment: ConsignmentID? = nil, _ unit: EUI64? = nil, slot: SlotID? = nil,
        carton: SSCC? = nil
    ) -> JournalDraft {
        let scanned = ConsignmentEvent.Scanned(
            consignment: consignment, scan: order.scan, code: order.code, station: order.station, operatorCard: station.operatorCard,
            verdict: verdict.rawValue, message: message, carton: carton, by: by)
        return .of(.scanned(scanned), unit: unit, slot: slot)
    }
}

extension UnitState {
    /// Whether such a unit does not belong into a slot.
    var isHeldBack: Bool { self == .held || self == .rejected || self == .missing }
}
