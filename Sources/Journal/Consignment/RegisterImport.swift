public import BenchModel
internal import GRDB

/// One line of a register: whose a unit is, and where that party takes deliveries.
public struct RegisteredUnit: Hashable, Sendable {
    /// The unit's CHF ID.
    public var chfId: EUI64
    /// The Supplier.
    public var serviceUser: String
    /// Where it takes deliveries; empty where the register does not say.
    public var locations: [String]

    public init(chfId: EUI64, serviceUser: String, locations: [String]) {
        self.chfId = chfId
        self.serviceUser = serviceUser
        self.locations = locations
    }
}

extension Journal {
    /// Rows that are stored in one transaction: sessions wait no longer than for these.
    private static let rowsAtOnce = 5000

    /// Takes a register in the place of the one before. Until its event is stored the old one counts; a stop on the way leaves that one.
    /// - Throws: ``JournalError``.
    @discardableResult
    public func importRegister(
        _ units: [RegisteredUnit], _ event: ConsignmentEvent.RegisterImported
    ) async throws(JournalError) -> EventRecord {
        let file = event.file.description
        for start in stride(from: 0, to: units.count, by: Self.rowsAtOnce) {
            let part = units[start..<min(start + Self.rowsAtOnce, units.count)]
            _ = try await write { database in
                let insert = try database.cachedStatement(sql: "INSERT OR REPLACE INTO register VALUES (?, ?, ?, ?)")
                for unit in part {
                    try insert.execute(
                        arguments: [file, unit.chfId.description, unit.serviceUser, try JSONText.encode(unit.locations)])
                }
            }
        }
        let record = try await append(JournalDraft(.consignment(.registerImported(event))))
        while try await write({ database -> Int in
            try database.execute(
                sql: """
                    DELETE FROM register WHERE (file, unit) IN
                    (SELECT file, unit FROM register WHERE file <> (SELECT file FROM register_in_use) LIMIT \(Self.rowsAtOnce))
                    """)
            return database.changesCount
        }) > 0 {}
        return record
    }
}
