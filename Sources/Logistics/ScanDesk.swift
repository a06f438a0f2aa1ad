public import BenchModel
internal import Journal

/// Answers scans. Each is recorded, once, whatever it is answered with; and what a scan asks for is done in the same moment, or not at all.
public actor ScanDesk {
    private let desk: ConsignmentDesk
    private let slots: Set<SlotID>
    private var stations: [String: Station] = [:]

    /// Scanning places that are remembered; the one that was silent for longest is forgotten.
    private static let mostStations = 64

    /// What a scanning place is about to do. Its end loses nothing but the need to scan a slot or a carton again.
    struct Station: Sendable {
        /// The slot that was scanned, until a unit is.
        var slot: SlotID?
        /// The carton into which units go.
        var carton: SSCC?
        /// Who scans, by the card.
        var operatorCard: String?
        /// What UNDO takes back: what the last scan but for cards has done.
        var done: [(event: EventNumber, consignment: ConsignmentID)] = []
        /// What HOLD holds: the unit that was scanned last.
        var unit: (id: EUI64, consignment: ConsignmentID)?
        /// When it last scanned, by count.
        var turn = 0
    }

    private var turn = 0

    /// `slots`: the bench's.
    public init(_ desk: ConsignmentDesk, slots: Set<SlotID>) {
        self.desk = desk
        self.slots = slots
    }

    /// Records a scan, does what it asks for, and says what a person has to know.
    /// - Throws: ``LogisticsRefusal`` with ``LogisticsRefusal/Code/journal`` where it is not recorded: it has to be sent again.
    public func take(_ order: ScanOrder, by: Operator) async throws(LogisticsRefusal) -> ScanAnswer {
        guard (1...64).contains(order.scan.utf8.count), (1...40).contains(order.station.utf8.count), order.code.utf8.count <= 200 else {
            throw LogisticsRefusal(
                .partUnknown, "expected a scan of at most 200 characters with a number of 1 to 64 and a station of 1 to 40")
        }
        let code = ScanCode(order.code, slots: slots)
        var station = stations[order.station] ?? Station()
        let (before, config, slots) = (station, desk.config, slots)
        let records: [EventRecord]
        do {
            records = try await desk.journal.append { reader in
                var turn = ScanTurn(order: order, station: before, config: config, slots: slots, by: by, reader: reader)
                return try turn.drafts(for: code)
            }
        } catch let known as KnownScan {
            // Its answer was lost, perhaps with a daemon that has gone since: what it readied is readied again.
            station.follow(code, known.answer, [])
            remember(station, order.station)
            return known.answer
        } catch {
            throw LogisticsRefusal(error)
        }
        let answer = try await answer(to: order, records)
        station.follow(code, answer, records)
        remember(station, order.station)
        return answer
    }

    private func remember(_ station: Station, _ name: String) {
        turn += 1
        stations[name] = station
        stations[name]?.turn = turn
        if stations.count > Self.mostStations, let oldest = stations.min(by: { $0.value.turn < $1.value.turn }) {
            stations[oldest.key] = nil
        }
    }

    /// What was recorded says what is answered, so that a scan that is sent twice is answered the same.
    private func answer(to order: ScanOrder, _ records: [EventRecord]) async throws(LogisticsRefusal) -> ScanAnswer {
        do {
            guard let record = records.first(where: { $0.kind == "scanned" }), let answer = try ScanAnswer(record) else {
                throw LogisticsRefusal(.journal, "scan \(order.scan) was not recorded")
            }
            return answer
        } catch {
            throw LogisticsRefusal(error)
        }
    }
}

/// A scan that was recorded before.
struct KnownScan: Error {
    let answer: ScanAnswer
}

extension ScanAnswer {
    init?(_ record: EventRecord) throws {
        guard case .scanned(let scanned)? = try ConsignmentEvent(record) else { return nil }
        self.init(scan: scanned.scan, verdict: ScanVerdict(rawValue: scanned.verdict) ?? .refused, message: scanned.message)
        consignment = scanned.consignment
        unit = record.unit
        slot = record.slot
        carton = scanned.carton
    }
}

extension ScanDesk.Station {
    /// What the place is about to do after a scan.
    mutating func follow(_ code: ScanCode, _ answer: ScanAnswer, _ records: [EventRecord]) {
        if case .slot(let slot) = code { self.slot = slot } else if answer.verdict != .operatorKnown { slot = nil }
        if answer.verdict == .cartonReady || answer.verdict == .cartonClosed { carton = answer.carton }
        if case .card(.operator(let name)) = code { operatorCard = name }
        guard case .card(let card) = code else {
            unit = answer.unit.flatMap { unit in answer.consignment.map { (unit, $0) } }
            done = Self.done(answer, records)
            return
        }
        switch card {
        case .undo: if answer.verdict == .undone { done = [] }
        case .hold: if answer.verdict == .held { done = Self.done(answer, records) }
        case .operator, .cartonFull: break
        }
    }

    /// What can be taken back of a scan: what it did, or that it was seen. One that only said something did nothing.
    private static func done(_ answer: ScanAnswer, _ records: [EventRecord]) -> [(event: EventNumber, consignment: ConsignmentID)] {
        let acts = records.filter { ["unit-bound", "unit-packed", "unit-held"].contains($0.kind) }
        let seen = answer.verdict == .expected ? records.filter { $0.kind == "scanned" } : []
        return (acts.isEmpty ? seen : acts).compactMap { record in
            (try? ConsignmentEvent(record))?.consignment.map { (record.number, $0) }
        }
    }
}
