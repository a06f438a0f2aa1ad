public import BenchModel
public import Journal

/// Takes decisions about consignments: each is checked and recorded in one moment of the journal, or refused, and then nothing has changed.
public struct ConsignmentDesk: Sendable {
    /// How this bench takes loads in, packs and returns them.
    public let config: LogisticsConfig
    let journal: Journal

    public init(_ config: LogisticsConfig, journal: Journal) {
        self.config = config
        self.journal = journal
    }

    /// Everything of a consignment, as of one moment.
    public struct View: Sendable {
        /// The consignment.
        public var consignment: ConsignmentRecord
        /// How its units add up.
        public var reconciliation: Reconciliation
        /// Its cartons and pallets.
        public var packages: [PackageRecord]
    }

    // MARK: Looking

    /// All consignments, the newest first.
    public func consignments() async throws(LogisticsRefusal) -> [View] {
        try await look { reader in try reader.consignments().map { try View($0, reader) } }
    }

    /// One consignment.
    public func consignment(_ id: ConsignmentID) async throws(LogisticsRefusal) -> View {
        try await look { reader in try View(try reader.existing(id), reader) }
    }

    /// A consignment's units, of one state where `state` is given, in the order of their CHF IDs, from after a unit on.
    public func units(
        of id: ConsignmentID, in state: UnitState? = nil, after: EUI64? = nil, limit: Int
    ) async throws(LogisticsRefusal) -> [UnitCase] {
        try await look { reader in
            var units: [UnitCase] = []
            try reader.eachUnit(of: try reader.existing(id)) { unit in
                guard units.count < limit, after.map({ $0 < unit.chfId }) ?? true, state.map({ $0 == unit.state }) ?? true else { return }
                units.append(unit)
            }
            return units
        }
    }

    /// The open consignment that has to do with a unit, and what it knows of it.
    public func openCase(of unit: EUI64) async throws(LogisticsRefusal) -> (consignment: ConsignmentRecord, unit: UnitCase)? {
        try await look { try $0.openCase(of: unit) }
    }

    // MARK: Deciding

    /// Records that somebody wants to return units, or that stock comes.
    public func request(_ request: ConsignmentEvent.ReturnRequested) async throws(LogisticsRefusal) -> View {
        let least = config.minimumLoad
        return try await decide(request.consignment) { reader in
            if let other = try reader.consignment(request.consignment) {
                throw LogisticsRefusal(
                    .consignmentExists, "consignment \(other.consignment) exists since \(other.openedAt); give this one another name")
            }
            if let file = try reader.archive(of: request.consignment) {
                throw LogisticsRefusal(
                    .consignmentExists, "consignment \(request.consignment) is in the archive \(file); give this one another name")
            }
            guard request.load >= least else {
                throw LogisticsRefusal(
                    .loadTooSmall,
                    "expected a load of at least one \(least.rawValue) (logistics.minimumLoad), found \(request.load.rawValue)s")
            }
            return [.of(.returnRequested(request))]
        }
    }

    /// Answers a return request. `text`: the reason where it is rejected.
    public func answer(_ id: ConsignmentID, accept: Bool, text: String?, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            _ = try reader.existing(id).expecting(.requested)
            if !accept { _ = try reason(text) }
            let note = ConsignmentEvent.Note(id, text: text, by: by)
            return [.of(accept ? .returnAccepted(note) : .returnRejected(note))]
        }
    }

    /// Takes an advance shipment notice in.
    public func take(_ notice: Notice, file: SHA256Value, for id: ConsignmentID, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let problems = try Self.problems(with: notice, for: id, reader)
            guard problems.isEmpty else {
                throw LogisticsRefusal(.tableFaulty, "nothing was taken in: \(problems.map(\.description).joined(separator: "; "))")
            }
            let imported = ConsignmentEvent.NoticeImported(
                consignment: id, file: file, units: notice.entries.count, cartons: notice.cartons, pallets: notice.pallets, by: by)
            return [.of(.noticeImported(imported))]
                + notice.entries.map { entry in
                    .of(
                        .unitAnnounced(.init(consignment: id, gpfId: entry.gpfId, carton: entry.carton, pallet: entry.pallet)),
                        unit: entry.chfId)
                }
        }
    }

    /// Every line of a notice that can't be taken in, and why: the dry run.
    public func problems(with notice: Notice, for id: ConsignmentID) async throws(LogisticsRefusal) -> [Notice.Problem] {
        try await look { try Self.problems(with: notice, for: id, $0) }
    }

    private static func problems(with notice: Notice, for id: ConsignmentID, _ reader: JournalReader) throws -> [Notice.Problem] {
        let consignment = try reader.existing(id).expecting(.accepted, .delivered)
        var problems = notice.problems
        for entry in notice.entries {
            for identity in [entry.chfId, entry.gpfId].compactMap(\.self) {
                let other = try reader.openCase(of: identity) ?? reader.unit(printedAs: identity).flatMap { try reader.openCase(of: $0) }
                // A unit that came before its notice is announced by it.
                guard let other, other.consignment.consignment != consignment.consignment || other.unit.announced != nil else { continue }
                problems.append(
                    Notice.Problem(
                        line: entry.line,
                        problem: "\(identity) is expected in the open consignment \(other.consignment.consignment) already"))
            }
        }
        return problems.sorted { $0.line < $1.line }
    }

    /// Records that the load has arrived.
    public func deliver(_ delivered: ConsignmentEvent.LoadDelivered) async throws(LogisticsRefusal) -> View {
        try await decide(delivered.consignment) { reader in
            _ = try reader.existing(delivered.consignment).expecting(.accepted)
            return [.of(.loadDelivered(delivered))]
        }
    }

    // MARK: What all decisions have in common

    func look<Value: Sendable>(_ body: @escaping @Sendable (JournalReader) throws -> Value) async throws(LogisticsRefusal) -> Value {
        do {
            return try await journal.look { reader in Result { try body(reader) } }.get()
        } catch {
            throw LogisticsRefusal(error)
        }
    }

    /// Records what `body` decides, and shows the consignment as it is then.
    func decide(
        _ id: ConsignmentID, _ body: @escaping @Sendable (JournalReader) throws -> [JournalDraft]
    ) async throws(LogisticsRefusal) -> View {
        do { try await journal.append(deciding: body) } catch { throw LogisticsRefusal(error) }
        return try await consignment(id)
    }
}

extension ConsignmentDesk.View {
    init(_ consignment: ConsignmentRecord, _ reader: JournalReader) throws {
        self.consignment = consignment
        reconciliation = try reader.reconciliation(of: consignment)
        packages = try reader.packages(of: consignment.consignment)
    }
}

extension LogisticsRefusal {
    init(_ error: any Error) {
        switch error {
        case let error as LogisticsRefusal: self = error
        case let error as JournalError: self.init(.journal, error.description)
        default: self.init(.journal, "\(error)")
        }
    }
}

extension JournalDraft {
    static func of(_ event: ConsignmentEvent, unit: EUI64? = nil, slot: SlotID? = nil) -> JournalDraft {
        JournalDraft(.consignment(event), slot: slot, unit: unit)
    }
}

extension JournalReader {
    func existing(_ id: ConsignmentID) throws -> ConsignmentRecord {
        guard let consignment = try consignment(id) else {
            if let file = try archive(of: id) {
                throw LogisticsRefusal(.consignmentUnknown, "consignment \(id) is in the archive \(file): nothing of it changes any more")
            }
            throw LogisticsRefusal(.consignmentUnknown, "there is no consignment '\(id)'; 'reflashctl consignment list' shows them")
        }
        return consignment
    }

    func existing(_ unit: EUI64, of consignment: ConsignmentRecord) throws -> UnitCase {
        guard let found = try self.unit(unit, of: consignment) else {
            throw LogisticsRefusal(.partUnknown, "consignment \(consignment.consignment) has nothing to do with \(unit)")
        }
        return found
    }
}

extension ConsignmentRecord {
    /// Itself, where it is at one of these stages.
    func expecting(_ stages: ConsignmentStage...) throws -> ConsignmentRecord {
        guard stages.contains(stage) else {
            let expected = stages.map(\.rawValue).joined(separator: " or ")
            throw LogisticsRefusal(.stage, "consignment \(consignment): expected it to be \(expected), found it \(stage.rawValue)")
        }
        return self
    }
}

/// A reason that says something.
@discardableResult
func reason(_ text: String?) throws -> String {
    guard let text = text?.trimmed, !text.isEmpty else {
        throw LogisticsRefusal(.reasonMissing, "expected a reason, for whoever reads the record, found none")
    }
    return String(text.prefix(500))
}
