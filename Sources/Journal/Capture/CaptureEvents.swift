public import BenchModel

// What is recorded of the delivery of consignments' EPCIS events to a partner's capture endpoint. These are no events of the consignment: a
// document that is made of it stays the same.

extension JournalEvent {
    /// Payload of `capture-requested`.
    public struct CaptureRequested: Codable, Sendable {
        /// The consignment whose events are to be delivered as far as they go.
        public var consignment: ConsignmentID
        /// Who wants it.
        public var by: Operator
        public init(consignment: ConsignmentID, by: Operator) {
            self.consignment = consignment
            self.by = by
        }
    }

    /// Payload of `capture-delivered`.
    public struct CaptureDelivered: Codable, Sendable {
        /// The consignment.
        public var consignment: ConsignmentID
        /// The consignment's last event of the journal that is delivered now, with all before it.
        public var upTo: EventNumber
        /// Whether that was its last.
        public var isComplete: Bool
        /// EPCIS events that were delivered for it.
        public var events: Int
        /// The capture jobs that the endpoint reports as successful; fewer where it had events already.
        public var jobs: [String]
        /// The endpoint.
        public var endpoint: String
        public init(consignment: ConsignmentID, upTo: EventNumber, isComplete: Bool, events: Int, jobs: [String], endpoint: String) {
            self.consignment = consignment
            self.upTo = upTo
            self.isComplete = isComplete
            self.events = events
            self.jobs = jobs
            self.endpoint = endpoint
        }
    }
}
