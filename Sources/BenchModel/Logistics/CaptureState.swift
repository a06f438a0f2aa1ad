/// How far a consignment's events have been delivered to the partner's capture endpoint.
public struct CaptureState: Hashable, Sendable, Codable {
    /// The consignment.
    public var consignment: ConsignmentID
    /// Its last event of the journal.
    public var last: EventNumber
    /// The last event that is delivered; 0 where none is.
    public var delivered: EventNumber
    /// Whether it is to be delivered: it is closed, or somebody asked for it.
    public var isWanted: Bool

    public init(consignment: ConsignmentID, last: EventNumber, delivered: EventNumber, isWanted: Bool) {
        self.consignment = consignment
        self.last = last
        self.delivered = delivered
        self.isWanted = isWanted
    }

    /// Whether something of it waits to be delivered.
    public var isDue: Bool { isWanted && last > delivered }
}

/// What stands in the way of a delivery.
public struct CaptureProblem: Hashable, Sendable, Codable {
    /// What the endpoint answered, and what to do.
    public var message: String
    /// Deliveries that ended so, one after the other.
    public var attempts: Int

    public init(message: String, attempts: Int) {
        self.message = message
        self.attempts = attempts
    }
}

/// Where a partner takes EPCIS events: the capture interface of an EPCIS 2.0 repository (GS1 EPCIS 2.0 §12.6).
public struct CaptureTarget: Hashable, Sendable {
    /// `https://…/capture`.
    public var url: String
    /// The file with the bearer token; read at each request, so that it can be replaced. `nil` where none is asked for.
    public var tokenFile: String?

    public init(url: String, tokenFile: String? = nil) {
        self.url = url
        self.tokenFile = tokenFile
    }
}
