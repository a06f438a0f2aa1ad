public import BenchModel
internal import GRDB

/// How far each consignment has been delivered to the capture endpoint, as a table. It and the events are the outbox: what is delivered no
/// further than it goes waits, and so a restart forgets nothing.
enum CaptureTable {
    static let creation = """
        CREATE TABLE captures (consignment TEXT PRIMARY KEY, requested INTEGER, delivered INTEGER) STRICT, WITHOUT ROWID;
        """

    /// - Returns: whether the event was one of these.
    static func apply(_ event: EventFields, _ database: Database) throws -> Bool {
        switch event.kind {
        case "capture-requested":
            let requested = try JSONText.decode(event.payload, as: JournalEvent.CaptureRequested.self)
            try database.cachedStatement(
                sql: "INSERT INTO captures (consignment, requested) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET requested = ?2"
            ).execute(arguments: [requested.consignment.name, event.number])
        case "capture-delivered":
            let delivered = try JSONText.decode(event.payload, as: JournalEvent.CaptureDelivered.self)
            try database.cachedStatement(
                sql: """
                    INSERT INTO captures (consignment, delivered) VALUES (?1, ?2)
                    ON CONFLICT DO UPDATE SET delivered = ?2, requested = CASE WHEN ?3 THEN NULL ELSE requested END
                    """
            ).execute(arguments: [delivered.consignment.name, delivered.upTo, delivered.isComplete])
        default: return false
        }
        return true
    }
}

extension JournalReader {
    /// How far each consignment is delivered to the capture endpoint, the oldest first.
    public func captures() throws -> [CaptureState] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT c.id, c.stage, k.requested, coalesce(k.delivered, 0) AS delivered,
                       coalesce((SELECT max(event) FROM consignment_events WHERE consignment = c.id), 0) AS last
                FROM consignments c LEFT JOIN captures k ON k.consignment = c.id ORDER BY c.opened
                """)
        return try rows.compactMap { row in
            let (name, stage): (String, String) = (try row.decode(forColumn: "id"), try row.decode(forColumn: "stage"))
            guard let id = ConsignmentID(name), let stage = ConsignmentStage(rawValue: stage) else { return nil }
            let requested: EventNumber? = try row.decode(forColumn: "requested")
            return CaptureState(
                consignment: id, last: try row.decode(forColumn: "last"), delivered: try row.decode(forColumn: "delivered"),
                isWanted: requested != nil || [.closed, .shipped, .received].contains(stage))
        }
    }
}
