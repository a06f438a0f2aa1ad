import BenchModel
import Journal

/// What a bench of 64 slots writes down of its consignments.
struct History {
    let journal: Journal
    let clock: PastClock
    private let clerk = Operator(user: "clerk", role: .clerk)
    private let hash: SHA256Value
    private let prefix: GS1CompanyPrefix
    private static let slots = 64
    private static let capacity = 20

    init(journal: Journal, clock: PastClock) throws {
        guard let hash = SHA256Value(bytes: [UInt8](repeating: 0xA5, count: 32)), let prefix = GS1CompanyPrefix("5012345") else {
            throw NoSuchConstant()
        }
        self.journal = journal
        self.clock = clock
        self.hash = hash
        self.prefix = prefix
    }

    struct NoSuchConstant: Error {}

    /// One consignment with these units, from its request to its receipt by the Service User.
    func serve(_ units: Range<Int>) async throws {
        guard let id = ConsignmentID("C-\(units.lowerBound)") else { throw NoSuchConstant() }
        let note = ConsignmentEvent.Note(id, text: nil, by: clerk)
        try await record([
            .returnRequested(
                .init(
                    consignment: id, kind: .returnForReflash, serviceUser: Party(name: "Leaf Energy"), returnTo: "1 High Street, Leeds",
                    reference: "R-\(units.lowerBound)", load: .carton, units: units.count, by: clerk)), .returnAccepted(note),
            .noticeImported(
                .init(consignment: id, file: hash, units: units.count, cartons: units.count / Self.capacity, pallets: 1, by: clerk)),
        ])
        let announced = units.map { number in
            let said = ConsignmentEvent.UnitAnnounced(
                consignment: id, gpfId: printed(number), carton: "C\(number / Self.capacity)", pallet: "P\(number / 1000)")
            return JournalDraft(.consignment(.unitAnnounced(said)), unit: unit(number))
        }
        try await store(announced)
        try await record([.loadDelivered(.init(consignment: id, counted: units.count, carrier: "van", by: clerk)), .loadTakenIn(note)])
        for first in stride(from: units.lowerBound, to: units.upperBound, by: Self.slots) {
            try await flash(first..<min(first + Self.slots, units.upperBound))
        }
        for first in stride(from: units.lowerBound, to: units.upperBound, by: Self.capacity) {
            try await pack(first..<min(first + Self.capacity, units.upperBound), id)
        }
        try await record([
            .consignmentClosed(.init(consignment: id, states: ["reflashed": units.count], unexpected: 0, withoutFaultReason: 0, by: clerk)),
            .consignmentShipped(.init(consignment: id, carrier: "van", reference: "V-1", by: clerk)), .consignmentReceived(note),
        ])
    }

    private func flash(_ units: Range<Int>) async throws {
        var started: [JournalDraft] = []
        for number in units {
            let slot = slot(number)
            let port = PortPath("pci-0000:00:14.0-usb-0:\(number % Self.slots / 8 + 1).\(number % 8 + 1)")
            started.append(JournalDraft(.unitDocked(.init(port: port, profile: "hub", mode: .runtime)), slot: slot))
            var session = JournalEvent.SessionStarted(
                unit: Unit(chfId: unit(number), model: "010A030B", installedVersion: FirmwareVersion("00020100")), profile: "hub",
                mode: .runtime, target: nil, checksOff: ["central-products-list"])
            session.release = "2026-09"
            session.manifestHash = hash
            session.targetVersion = FirmwareVersion("0002012F")
            session.components = ["application": hash]
            started.append(JournalDraft(.sessionStarted(session), slot: slot, unit: unit(number)))
        }
        let sessions = try await store(started).filter { $0.kind == "session-started" }
        let transfer = JournalEvent.Transfer(component: "application", lengthBytes: 1_048_576, attempt: 1)
        var verdict = Verdict(
            .reflashed, proof: .flashReadback, identityProven: true, wrote: true, installedVersion: FirmwareVersion("0002012F"),
            targetVersion: FirmwareVersion("0002012F"), readback: ["application": hash])
        verdict.release = "2026-09"
        verdict.manifestHash = hash
        try await store(
            sessions.flatMap { record in
                let events: [JournalEvent] = [
                    .transferStarted(transfer), .transferFinished(transfer),
                    .readback(.init(component: "application", expected: hash, found: hash)), .outcome(verdict),
                ]
                return events.map { JournalDraft($0, slot: record.slot, unit: record.unit, session: record.session) }
                    + [JournalDraft(.unitRemoved, slot: record.slot)]
            })
    }

    private func pack(_ units: Range<Int>, _ id: ConsignmentID) async throws {
        guard let sscc = SSCC(extension: 0, prefix: prefix, serial: units.lowerBound / Self.capacity + 1) else { throw NoSuchConstant() }
        let package = ConsignmentEvent.Package(consignment: id, sscc: sscc, by: clerk)
        let opened = ConsignmentEvent.PackageOpened(consignment: id, sscc: sscc, level: .carton, isFaulty: false, by: clerk)
        try await store(
            [JournalDraft(.consignment(.packageOpened(opened)))]
                + units.map { JournalDraft(.consignment(.unitPacked(package)), unit: unit($0)) }
                + [JournalDraft(.consignment(.packageClosed(package)))])
    }

    private func record(_ events: [ConsignmentEvent]) async throws { try await store(events.map { JournalDraft(.consignment($0)) }) }

    @discardableResult
    private func store(_ drafts: [JournalDraft]) async throws -> [EventRecord] {
        clock.pass(2000)
        return try await journal.append(drafts)
    }

    private func unit(_ number: Int) -> EUI64 { EUI64(rawValue: 0x00DB_1234_0000_0000 + UInt64(number)) }

    private func printed(_ number: Int) -> EUI64 { EUI64(rawValue: 0x00DB_1234_8000_0000 + UInt64(number)) }

    private func slot(_ number: Int) -> SlotID? {
        let place = number % Self.slots
        return SlotID("\("ABCD".dropFirst(place / 16).prefix(1))\(place % 16 < 9 ? "0" : "")\(place % 16 + 1)")
    }
}
