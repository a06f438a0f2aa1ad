public import BenchModel
internal import Journal

extension ConsignmentDesk {
    /// Units that are read at once.
    private static let page = 500

    /// The return record of a consignment: CSV (RFC 4180), UTF-8, a line for each unit in the order of their CHF IDs, unexpected ones too.
    /// `columns`: `nil` for the config's.
    public func returnRecord(
        of id: ConsignmentID, columns: [ReturnColumn]? = nil
    ) async throws(LogisticsRefusal) -> ExportStream {
        let consignment = try await look { try $0.existing(id) }
        return returnRecord(of: [consignment], columns)
    }

    /// The return records of all consignments in one table, the oldest consignment first.
    public func returnRecordOfAll(columns: [ReturnColumn]? = nil) async throws(LogisticsRefusal) -> ExportStream {
        returnRecord(of: try await look { try $0.consignments().reversed() }, columns)
    }

    private func returnRecord(of consignments: [ConsignmentRecord], _ columns: [ReturnColumn]?) -> ExportStream {
        let columns = columns ?? config.returnColumns
        let head = columns.map { CSVText.field($0.name) }.joined(separator: ",") + "\r\n"
        return ExportStream(from: ReturnRecordState(left: consignments[...], head: head)) { state throws(LogisticsRefusal) in
            guard let consignment = state.left.first else { return state.takeHead() }
            let after = state.last
            let rows = try await look { reader in
                try reader.units(of: consignment, after: after, limit: Self.page).map { unit in
                    let values = try ReturnValues(unit, consignment, reader)
                    return (unit.chfId, columns.map { CSVText.field(values[$0.field]) }.joined(separator: ",") + "\r\n")
                }
            }
            state.last = rows.last?.0
            if rows.count < Self.page { (state.left, state.last) = (state.left.dropFirst(), nil) }
            return (state.takeHead() ?? "") + rows.map(\.1).joined()
        }
    }
}

private struct ReturnRecordState: Sendable {
    /// Consignments whose units are not all told.
    var left: ArraySlice<ConsignmentRecord>
    var last: EUI64?
    /// The table's first line until it has been given out.
    var head: String?

    init(left: ArraySlice<ConsignmentRecord>, head: String) { (self.left, self.head) = (left, head) }

    mutating func takeHead() -> String? { head.take() }
}

/// RFC 4180, §2.
enum CSVText {
    static func field(_ text: String) -> String {
        let mustBeQuoted = text.utf8.contains { "\",\r\n".utf8.contains($0) } || text.first?.isWhitespace == true
        return mustBeQuoted ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
    }
}

/// The fields of one unit.
struct ReturnValues {
    private let unit: UnitCase
    private let consignment: ConsignmentRecord
    private let packedPallet: SSCC?
    private let event: EventRecord?

    init(_ unit: UnitCase, _ consignment: ConsignmentRecord, _ reader: JournalReader) throws {
        self.unit = unit
        self.consignment = consignment
        packedPallet = try unit.packed.flatMap { try reader.pallet(under: $0.value) }
        event = try unit.restsOn.flatMap { try reader.event($0) }
    }

    subscript(_ field: ReturnField) -> String {
        let session = unit.standingSession
        let verdict = unit.standing
        return switch field {
        case .consignment: consignment.consignment.name
        case .serviceUser: consignment.serviceUser.name
        case .reference: consignment.reference ?? ""
        case .chfId: unit.chfId.description
        case .gpfId: unit.gpfId?.description ?? ""
        case .state: unit.announced == nil && unit.state == .held ? "unexpected" : unit.state.rawValue
        case .reason: unit.unproven?.value ?? verdict?.reason?.rawValue ?? unit.hold?.value.rawValue ?? ""
        case .detail: verdict?.detail ?? unit.decision?.value.text ?? ""
        case .faultReason: unit.fault?.value.rawValue ?? ""
        case .rejection: unit.decision?.value.code?.rawValue ?? ""
        case .carton: unit.carton ?? ""
        case .pallet: unit.pallet ?? ""
        case .packedCarton: unit.packed?.value.digits ?? ""
        case .packedPallet: packedPallet?.digits ?? ""
        case .variantRelease: verdict?.release ?? ""
        case .versionBefore: unit.sessions.first?.startingVersion?.description ?? ""
        case .versionAfter: verdict?.installedVersion?.description ?? ""
        case .proof: verdict?.proof?.rawValue ?? ""
        case .componentHashes:
            verdict?.readback.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ";") ?? ""
        case .slot: session?.slot.label ?? ""
        case .session: session.map { "\($0.id)" } ?? ""
        case .startedAt: session?.startedAt ?? ""
        case .endedAt: session?.endedAt ?? ""
        case .event: event.map { "\($0.number)" } ?? ""
        case .eventHash: event?.hash.description ?? ""
        }
    }
}

extension UnitCase {
    /// The event on which its state rests; `nil` while nothing was said of it but that it is awaited.
    var restsOn: EventNumber? {
        switch state {
        case .missing: missing
        case .rejected: decision?.event
        case .held: hold?.event ?? scanned
        case .returnedUnproven: unproven?.event
        case .awaiting: announced
        case .inProgress: sessions.last?.id
        case .reflashed, .alreadyCurrent, .refused, .failed, .unknown, .swapped: standingSession?.outcomeEvent
        }
    }
}
