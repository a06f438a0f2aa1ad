public import BenchModel
public import Journal

/// EPCIS events that are delivered together.
public struct CapturePart: Sendable {
    /// In the order in which they happened.
    public var events: [EPCISEvent]
    /// The event of the journal of which the last of them comes, and to which the delivery goes.
    public var upTo: EventNumber
    /// Whether the consignment has no more.
    public var isLast: Bool
}

/// Reads what is to be delivered of a consignment, part by part.
public struct CaptureParts: Sendable {
    private let desk: ConsignmentDesk
    private let id: ConsignmentID
    private let delivered: EventNumber
    private var story: EPCISStory
    private var last: EventNumber = 0
    private var isOver = false

    /// Events of the journal that are read at once.
    private static let page = 500

    /// `delivered`: the last event of the journal that is not to be delivered again.
    init(_ desk: ConsignmentDesk, _ consignment: ConsignmentRecord, after delivered: EventNumber) {
        self.desk = desk
        id = consignment.consignment
        self.delivered = delivered
        story = EPCISStory(consignment, EPCISNames(config: desk.config))
    }

    /// The next part of about so many events; `nil` after the last.
    public mutating func next(about most: Int) async throws(LogisticsRefusal) -> CapturePart? {
        guard !isOver else { return nil }
        var part = CapturePart(events: [], upTo: last, isLast: false)
        while part.events.count < most, !isOver {
            let (id, last) = (id, last)
            let records = try await desk.look { reader in try reader.events(of: id, after: last, limit: Self.page) }
            isOver = records.isEmpty
            for record in records where part.events.count < most {
                do {
                    let told = try story.tell(record)
                    if record.number > delivered { part.events += told }
                } catch {
                    throw LogisticsRefusal(error)
                }
                self.last = record.number
            }
        }
        part.upTo = last
        part.isLast = isOver
        return part
    }
}

extension ConsignmentDesk {
    /// What is to be delivered of a consignment.
    public func captureParts(of id: ConsignmentID, after delivered: EventNumber) async throws(LogisticsRefusal) -> CaptureParts {
        CaptureParts(self, try await look { try $0.existing(id) }, after: delivered)
    }

    /// A document with these events; the same events make the same bytes.
    public func captureDocument(_ events: ArraySlice<EPCISEvent>) throws(LogisticsRefusal) -> String {
        do {
            let head = try EPCISDocument.head(createdAt: events.last?.time ?? "", EPCISNames(config: config))
            return head + (try events.map { try JSONValue.object($0.fields).json }.joined(separator: ",\n")) + EPCISDocument.tail
        } catch {
            throw LogisticsRefusal(error)
        }
    }

    /// Asks for a consignment to be delivered to the capture endpoint as far as it goes.
    public func requestCapture(_ id: ConsignmentID, by: Operator) async throws(LogisticsRefusal) -> View {
        guard config.capture != nil else {
            throw LogisticsRefusal(.notConfigured, "there is nowhere to deliver to: the bench's config has no logistics.capture")
        }
        return try await decide(id) { reader in
            _ = try reader.existing(id)
            return [JournalDraft(.captureRequested(.init(consignment: id, by: by)))]
        }
    }

    /// Records that a part of a consignment is at the endpoint.
    public func recordCapture(_ delivered: JournalEvent.CaptureDelivered) async throws(LogisticsRefusal) {
        do {
            try await journal.append(deciding: { reader in
                var delivered = delivered
                // More may have come while it was under way: then somebody still wants that.
                if let last = try reader.lastEvent(of: delivered.consignment), last.number > delivered.upTo { delivered.isComplete = false }
                return [JournalDraft(.captureDelivered(delivered))]
            })
        } catch {
            throw LogisticsRefusal(error)
        }
    }

    /// How far each consignment is delivered.
    public func captures() async throws(LogisticsRefusal) -> [CaptureState] { try await look { try $0.captures() } }
}
