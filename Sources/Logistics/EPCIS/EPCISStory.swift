internal import BenchModel
internal import Journal

/// A consignment's events of the journal, told as EPCIS events: a function of those events alone, one after the other.
struct EPCISStory: Sendable {
    let consignment: ConsignmentRecord
    let names: EPCISNames
    private var units: [EUI64: Origin] = [:]
    private var order: [EUI64] = []
    private var rejected: Set<LoadPart> = []
    private var missing: Set<EUI64> = []
    /// Containers that were taken apart.
    private var opened: Set<String> = []
    private var packages: [SSCC: Package] = [:]
    private var packedIn: [EUI64: SSCC] = [:]
    /// What was told of events that can be corrected.
    private var told: [EventNumber: [EPCISEvent]] = [:]
    private var undo: [EventNumber: Undo] = [:]

    private struct Origin: Sendable {
        var carton: String?
        var pallet: String?
    }

    private struct Package: Sendable {
        let level: LoadUnit
        var units: [EUI64] = []
        var cartons: [SSCC] = []
        var pallet: SSCC?
    }

    private enum Undo: Sendable {
        case rejection(LoadPart)
        case missing(EUI64)
        case admitted(EUI64)
        case packed(EUI64, SSCC)
        case stacked(SSCC, SSCC)
    }

    init(_ consignment: ConsignmentRecord, _ names: EPCISNames) {
        self.consignment = consignment
        self.names = names
    }

    /// What an event of the journal says in EPCIS; often nothing.
    mutating func tell(_ record: EventRecord) throws -> [EPCISEvent] {
        guard let said = try ConsignmentEvent(record) else { return [try outcome(record)].compactMap(\.self) }
        let events = try tell(said, record)
        if said.isCorrectable, !events.isEmpty { told[record.number] = events }
        return events
    }

    private mutating func tell(_ said: ConsignmentEvent, _ record: EventRecord) throws -> [EPCISEvent] {
        switch said {
        case .unitAnnounced(let announced):
            add(record.unit, Origin(carton: announced.carton, pallet: announced.pallet))
        case .unitAdmitted:
            if add(record.unit, Origin()), let unit = record.unit { undo[record.number] = .admitted(unit) }
        // An event needs things: a load may come before its notice, and nothing may leave.
        case .loadDelivered(let delivered): return order.isEmpty ? [] : [arrival(delivered, record)]
        case .intakeDecided(let decided):
            guard decided.decision.code != nil else { return [] }
            rejected.insert(decided.decision.part)
            undo[record.number] = .rejection(decided.decision.part)
            return order.isEmpty ? [] : [rejection(decided.decision, record)]
        case .loadTakenIn: return unpacking(record)
        case .unitMissing(let note):
            guard let unit = record.unit else { return [] }
            missing.insert(unit)
            undo[record.number] = .missing(unit)
            return [inspection(of: unit, "mismatch_quantity", "missing", note.text, record)]
        case .unitReturnedUnproven(let note):
            return record.unit.map { [inspection(of: $0, "unknown", "returned-unproven", note.text, record)] } ?? []
        case .faultConfirmed(let fault):
            guard let unit = record.unit else { return [] }
            var event = inspection(of: unit, "needs_replacement", nil, fault.text, record)
            event.extend("faultReason", fault.reason.rawValue)
            return [event]
        case .packageOpened(let opened): packages[opened.sscc] = Package(level: opened.level)
        case .unitPacked(let packed):
            guard let unit = record.unit else { return [] }
            packages[packed.sscc]?.units.append(unit)
            packedIn[unit] = packed.sscc
            undo[record.number] = .packed(unit, packed.sscc)
        case .cartonStacked(let stacked):
            packages[stacked.pallet]?.cartons.append(stacked.carton)
            packages[stacked.carton]?.pallet = stacked.pallet
            undo[record.number] = .stacked(stacked.carton, stacked.pallet)
        case .packageClosed(let closed): return [packing(closed.sscc, record)].compactMap(\.self)
        case .consignmentShipped(let shipped): return outgoing.isEmpty ? [] : [shipping(shipped, record)]
        case .consignmentReceived(let note): return outgoing.isEmpty ? [] : [receipt(note, record)]
        case .eventCorrected(let corrected):
            takeBack(corrected.event)
            return (told.removeValue(forKey: corrected.event) ?? []).map { $0.declaredWrong(at: record.utc) }
        case .returnRequested, .returnAccepted, .returnRejected, .noticeImported, .scanned, .unitBound, .unitHeld, .holdLifted,
            .consignmentClosed, .registerImported:
            break
        }
        return []
    }

    /// - Returns: whether it was not there before.
    @discardableResult
    private mutating func add(_ unit: EUI64?, _ origin: Origin) -> Bool {
        guard let unit, units.updateValue(origin, forKey: unit) == nil else { return false }
        order.append(unit)
        return true
    }

    private mutating func takeBack(_ event: EventNumber) {
        switch undo.removeValue(forKey: event) {
        case .rejection(let part): rejected.remove(part)
        case .missing(let unit): missing.remove(unit)
        case .admitted(let unit):
            units[unit] = nil
            order.removeAll { $0 == unit }
        case .packed(let unit, let sscc):
            packages[sscc]?.units.removeAll { $0 == unit }
            packedIn[unit] = nil
        case .stacked(let carton, let pallet):
            packages[pallet]?.cartons.removeAll { $0 == carton }
            packages[carton]?.pallet = nil
        case nil: break
        }
    }

    // MARK: Arriving

    /// What stands on the floor: pallets, cartons on none, units in none.
    private var load: [String] {
        var seen: Set<String> = []
        return order.map { top(of: $0) }.filter { seen.insert($0).inserted }
    }

    private func top(of unit: EUI64) -> String {
        let origin = units[unit]
        return (origin?.pallet ?? origin?.carton).map { names.container($0) } ?? EPCISNames.unit(unit)
    }

    private func arrival(_ delivered: ConsignmentEvent.LoadDelivered, _ record: EventRecord) -> EPCISEvent {
        var event = object(load, "receiving", consignment.kind == .returnForReflash ? "returned" : "in_progress", record)
        event.fields["sourceList"] = possession("source", names.party(consignment.serviceUser))
        event.fields["destinationList"] = possession("destination", names.bench)
        event.fields["bizTransactionList"] = transaction
        event.extend("carrier", delivered.carrier)
        if let counted = delivered.counted { event.fields[EPCISEvent.prefix + "counted"] = .number(Int64(counted)) }
        return event
    }

    private func possession(_ role: String, _ party: String) -> JSONValue {
        .list([.object(["type": .text("possessing_party"), role: .text(party)])])
    }

    /// CBV 2.0 §7.3: a return merchandise authorisation, or the despatch advice of first stock.
    private var transaction: JSONValue {
        let kind = consignment.kind == .returnForReflash ? "rma" : "desadv"
        let name = consignment.reference ?? consignment.consignment.name
        return .list([.object(["type": .text(kind), "bizTransaction": .text(names.transaction(kind, name))])])
    }

    private func rejection(_ decision: IntakeDecision, _ record: EventRecord) -> EPCISEvent {
        let things: [String] =
            switch decision.part {
            case .load: load
            case .pallet(let name), .carton(let name): [names.container(name)]
            case .unit(let unit): [EPCISNames.unit(unit)]
            }
        let disposition =
            switch decision.code {
            case .damagedPackaging: "damaged"
            case .notRegisteredWithSupplier, .unreadableIdentity: "mismatch_instance"
            case .quantityMismatch: "mismatch_quantity"
            case .addressMismatch, .other, nil: "non_conformant"
            }
        var event = object(things, "inspecting", disposition, record)
        event.extend("reasonCode", decision.code?.rawValue)
        event.extend("text", decision.text)
        return event
    }

    /// Each container that is taken in is taken apart.
    private mutating func unpacking(_ record: EventRecord) -> [EPCISEvent] {
        var contents: [String: [String]] = [:]
        var containers: [String] = []
        func put(_ thing: String, into container: String) {
            if contents[container] == nil { containers.append(container) }
            if contents[container]?.last != thing { contents[container, default: []].append(thing) }
        }
        var stacked: Set<String> = []
        for unit in order where !isRejected(unit) {
            guard let origin = units[unit] else { continue }
            if let carton = origin.carton {
                if let pallet = origin.pallet, stacked.insert(carton).inserted {
                    put(names.container(carton), into: names.container(pallet))
                }
                put(EPCISNames.unit(unit), into: names.container(carton))
            } else if let pallet = origin.pallet {
                put(EPCISNames.unit(unit), into: names.container(pallet))
            }
        }
        opened = Set(containers)
        return containers.enumerated().map { index, container in
            aggregation(container, contents[container] ?? [], "DELETE", "unpacking", "in_progress", record, index: index)
        }
    }

    private func isRejected(_ unit: EUI64) -> Bool {
        let origin = units[unit]
        return rejected.contains(.load) || rejected.contains(.unit(unit)) || origin?.carton.map { rejected.contains(.carton($0)) } == true
            || origin?.pallet.map { rejected.contains(.pallet($0)) } == true
    }

    // MARK: On the bench

    private func outcome(_ record: EventRecord) throws -> EPCISEvent? {
        guard let unit = record.unit, let verdict = try JournalEvent.verdict(of: record) else { return nil }
        var event = object([EPCISNames.unit(unit)], names.reflashing, verdict.outcome.disposition, record)
        if let lasting = verdict.outcome.lasting {
            event.fields["persistentDisposition"] = .object(["set": .list([.text(lasting)])])
        }
        event.extend("outcome", verdict.outcome.rawValue)
        event.extend("reasonCode", verdict.reason?.rawValue)
        event.extend("proof", verdict.proof?.rawValue)
        event.extend("release", verdict.release)
        event.extend("manifestHash", verdict.manifestHash?.description)
        event.extend("installedVersion", verdict.installedVersion?.description)
        event.extend("targetVersion", verdict.targetVersion?.description)
        event.extend("slot", record.slot?.label)
        for (component, hash) in verdict.readback {
            event.extend("component-\(component)", hash.description)
        }
        return event
    }

    private func inspection(
        of unit: EUI64, _ disposition: String, _ code: String?, _ text: String?, _ record: EventRecord
    ) -> EPCISEvent {
        var event = object([EPCISNames.unit(unit)], "inspecting", disposition, record)
        event.extend("reasonCode", code)
        event.extend("text", text)
        return event
    }

    // MARK: Leaving

    private func packing(_ sscc: SSCC, _ record: EventRecord) -> EPCISEvent? {
        guard let package = packages[sscc] else { return nil }
        let children = package.units.map { EPCISNames.unit($0) } + package.cartons.map { EPCISNames.package($0) }
        return aggregation(EPCISNames.package(sscc), children, "ADD", "packing", "in_progress", record, index: 0)
    }

    private func shipping(_ shipped: ConsignmentEvent.ConsignmentShipped, _ record: EventRecord) -> EPCISEvent {
        var event = object(outgoing, "shipping", "in_transit", record)
        event.fields["sourceList"] = possession("source", names.bench)
        event.fields["destinationList"] = possession("destination", names.party(consignment.serviceUser))
        event.fields["bizTransactionList"] = transaction
        event.extend("carrier", shipped.carrier)
        event.extend("carrierReference", shipped.reference)
        return event
    }

    /// Pallets, cartons on none, loose units; and containers that came and were never opened.
    private var outgoing: [String] {
        let packed = packages.filter { $0.value.pallet == nil && !($0.value.units.isEmpty && $0.value.cartons.isEmpty) }
        var seen: Set<String> = []
        let loose = order.filter { packedIn[$0] == nil && !missing.contains($0) }.map { closedContainer(of: $0) ?? EPCISNames.unit($0) }
        return packed.keys.sorted().map { EPCISNames.package($0) } + loose.filter { seen.insert($0).inserted }
    }

    /// The container in which a unit still is as it came; `nil` where it was taken out.
    private func closedContainer(of unit: EUI64) -> String? {
        let origin = units[unit]
        return [origin?.pallet, origin?.carton].compactMap { $0.map { names.container($0) } }.first { !opened.contains($0) }
    }

    private func receipt(_ note: ConsignmentEvent.Note, _ record: EventRecord) -> EPCISEvent {
        var event = object(outgoing, "receiving", "active", record)
        // Where the Service User has it the bench can't know.
        event.fields["readPoint"] = nil
        event.fields["bizLocation"] = nil
        event.fields["destinationList"] = possession("destination", names.party(consignment.serviceUser))
        event.fields["bizTransactionList"] = transaction
        event.extend("text", note.text)
        return event
    }

    // MARK: Forms

    private func object(_ things: [String], _ step: String, _ disposition: String, _ record: EventRecord) -> EPCISEvent {
        var event = EPCISEvent("ObjectEvent", record, index: 0, action: "OBSERVE")
        event.fields["epcList"] = .list(things.map { .text($0) })
        place(&event, step, disposition)
        return event
    }

    private func aggregation(
        _ parent: String, _ children: [String], _ action: String, _ step: String, _ disposition: String, _ record: EventRecord, index: Int
    ) -> EPCISEvent {
        var event = EPCISEvent("AggregationEvent", record, index: index, action: action)
        event.fields["parentID"] = .text(parent)
        event.fields["childEPCs"] = .list(children.map { .text($0) })
        place(&event, step, disposition)
        return event
    }

    private func place(_ event: inout EPCISEvent, _ step: String, _ disposition: String) {
        event.fields["bizStep"] = .text(step)
        event.fields["disposition"] = .text(disposition)
        event.fields["readPoint"] = .object(["id": .text(names.location)])
        event.fields["bizLocation"] = .object(["id": .text(names.location)])
        event.extend("consignment", consignment.consignment.name)
    }
}

extension Outcome {
    /// CBV 2.0 §7.2.
    fileprivate var disposition: String {
        switch self {
        case .reflashed, .alreadyCurrent: "conformant"
        case .refused, .failed: "non_conformant"
        case .swapped: "mismatch_instance"
        case .unknown: "unknown"
        }
    }

    /// What stays true of the unit until something else is said.
    fileprivate var lasting: String? {
        switch self {
        case .reflashed, .alreadyCurrent: "conformant"
        case .refused, .failed: "non_conformant"
        case .swapped, .unknown: nil
        }
    }
}
