public import BenchModel
public import Journal

/// Lets only those units be flashed that an open consignment expects and has taken in, in the slots into which they were scanned.
public struct ConsignmentAdmission: AdmissionPolicy {
    private let journal: Journal

    public init(_ journal: Journal) { self.journal = journal }

    public func admit(_ unit: BenchModel.Unit, in slot: SlotID) async throws(Refusal) {
        // One that says who it is only once it runs its firmware is until then who was scanned into its slot.
        var identity = unit.chfId
        if identity == nil { identity = try await ask { reader in try reader.binding(of: slot)?.value } }
        guard let chfId = identity else {
            throw Refusal(.notExpected, "the unit does not say who it is before it runs its firmware: scan it into slot \(slot)")
        }
        let question = try await ask { reader in try Question(chfId, in: slot, reader) }
        if let scanned = question.scanned, scanned != chfId { try await contradict(chfId, scanned, in: slot) }
        guard let (consignment, found) = question.open, found.announced != nil else {
            throw Refusal(.notExpected, "\(chfId) is in no notice of an open consignment; 'reflashctl consignment list' shows them")
        }
        let id = consignment.consignment
        guard consignment.stage == .takenIn else {
            throw Refusal(
                .notExpected, "consignment \(id) is \(consignment.stage.rawValue): its intake is not over ('consignment take-in')")
        }
        if let code = found.decision?.value.code { throw Refusal(.notExpected, "\(chfId) was rejected at intake: \(code.rawValue)") }
        if let event = found.missing {
            throw Refusal(.notExpected, "\(chfId) was declared missing; 'consignment correct \(id) \(event)' takes that back")
        }
        if let hold = found.hold { throw Refusal(.unitHeld, "\(chfId) is held (\(hold.value.rawValue)); 'consignment lift' lifts it") }
        if let carton = found.packed?.value { throw Refusal(.notExpected, "\(chfId) is packed in carton \(carton)") }
    }

    private struct Question: Sendable {
        let open: (consignment: ConsignmentRecord, unit: UnitCase)?
        let scanned: EUI64?

        init(_ unit: EUI64, in slot: SlotID, _ reader: JournalReader) throws {
            open = try reader.openCase(of: unit)
            scanned = try reader.binding(of: slot)?.value
        }
    }

    /// Another unit than was scanned: both are held, as far as a consignment knows them.
    private func contradict(_ unit: EUI64, _ scanned: EUI64, in slot: SlotID) async throws(Refusal) {
        let sentence = "\(scanned) was scanned into slot \(slot), and \(unit) is in it: both are held"
        do {
            try await journal.append { reader in
                try [unit, scanned].compactMap { held in
                    guard let (consignment, found) = try reader.openCase(of: held), found.hold == nil, found.packed == nil else {
                        return nil
                    }
                    let event = ConsignmentEvent.UnitHeld(
                        consignment: consignment.consignment, reason: .otherUnitInSlot, text: sentence, by: nil)
                    return .of(.unitHeld(event), unit: held, slot: slot)
                }
            }
        } catch {
            throw Refusal(.unitHeld, "the hold of \(unit) can't be recorded: \(LogisticsRefusal(error).message)")
        }
        throw Refusal(.otherUnitScanned, sentence)
    }

    private func ask<Value: Sendable>(_ body: @escaping @Sendable (JournalReader) throws -> Value) async throws(Refusal) -> Value {
        do throws(JournalError) { return try await journal.look(body) } catch {
            throw Refusal(.notExpected, "whether the unit is expected can't be found out: \(error)")
        }
    }
}
