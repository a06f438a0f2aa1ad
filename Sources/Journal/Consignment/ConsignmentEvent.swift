public import BenchModel

/// What can be recorded of consignments. A case's kind and its payload's keys are stable.
public enum ConsignmentEvent: Sendable {
    case returnRequested(ReturnRequested)
    case returnAccepted(Note)
    case returnRejected(Note)
    /// An advance shipment notice was taken in; a `unit-announced` of each of its units follows.
    case noticeImported(NoticeImported)
    /// The consignment expects the unit.
    case unitAnnounced(UnitAnnounced)
    /// A unit that came unexpected is taken in.
    case unitAdmitted(Note)
    case loadDelivered(LoadDelivered)
    case intakeDecided(IntakeDecided)
    /// The intake is over: what is accepted may be flashed.
    case loadTakenIn(Note)
    case scanned(Scanned)
    /// The unit was scanned into the slot.
    case unitBound(UnitBound)
    case unitHeld(UnitHeld)
    /// Nothing speaks against the unit any more.
    case holdLifted(Note)
    case unitMissing(Note)
    case unitReturnedUnproven(Note)
    case faultConfirmed(FaultConfirmed)
    case packageOpened(PackageOpened)
    case packageClosed(Package)
    case unitPacked(Package)
    /// A carton was put onto a pallet.
    case cartonStacked(CartonStacked)
    case consignmentClosed(ConsignmentClosed)
    case consignmentShipped(ConsignmentShipped)
    case consignmentReceived(Note)
    /// An earlier event does not count.
    case eventCorrected(EventCorrected)
    /// A register of who owns which unit was taken in.
    case registerImported(RegisterImported)
}

extension ConsignmentEvent {
    /// The stable word for what happened.
    public var kind: String {
        switch self {
        case .returnRequested: "return-requested"
        case .returnAccepted: "return-accepted"
        case .returnRejected: "return-rejected"
        case .noticeImported: "notice-imported"
        case .unitAnnounced: "unit-announced"
        case .unitAdmitted: "unit-admitted"
        case .loadDelivered: "load-delivered"
        case .intakeDecided: "intake-decided"
        case .loadTakenIn: "load-taken-in"
        case .scanned: "scanned"
        case .unitBound: "unit-bound"
        case .unitHeld: "unit-held"
        case .holdLifted: "hold-lifted"
        case .unitMissing: "unit-missing"
        case .unitReturnedUnproven: "unit-returned-unproven"
        case .faultConfirmed: "fault-confirmed"
        case .packageOpened: "package-opened"
        case .packageClosed: "package-closed"
        case .unitPacked: "unit-packed"
        case .cartonStacked: "carton-stacked"
        case .consignmentClosed: "consignment-closed"
        case .consignmentShipped: "consignment-shipped"
        case .consignmentReceived: "consignment-received"
        case .eventCorrected: "event-corrected"
        case .registerImported: "register-imported"
        }
    }

    /// The payload's JSON with sorted keys.
    func payload() throws -> String {
        switch self {
        case .returnRequested(let value): try JSONText.encode(value)
        case .returnAccepted(let value), .returnRejected(let value), .unitAdmitted(let value), .loadTakenIn(let value),
            .holdLifted(let value), .unitMissing(let value), .unitReturnedUnproven(let value), .consignmentReceived(let value):
            try JSONText.encode(value)
        case .noticeImported(let value): try JSONText.encode(value)
        case .unitAnnounced(let value): try JSONText.encode(value)
        case .loadDelivered(let value): try JSONText.encode(value)
        case .intakeDecided(let value): try JSONText.encode(value)
        case .scanned(let value): try JSONText.encode(value)
        case .unitBound(let value): try JSONText.encode(value)
        case .unitHeld(let value): try JSONText.encode(value)
        case .faultConfirmed(let value): try JSONText.encode(value)
        case .packageOpened(let value): try JSONText.encode(value)
        case .packageClosed(let value), .unitPacked(let value): try JSONText.encode(value)
        case .cartonStacked(let value): try JSONText.encode(value)
        case .consignmentClosed(let value): try JSONText.encode(value)
        case .consignmentShipped(let value): try JSONText.encode(value)
        case .eventCorrected(let value): try JSONText.encode(value)
        case .registerImported(let value): try JSONText.encode(value)
        }
    }

    /// An event of a consignment as it was recorded; `nil` for other kinds.
    public init?(_ record: EventRecord) throws { try self.init(kind: record.kind, payload: record.payload) }

    init?(kind: String, payload: String) throws {
        let read = PayloadReader(text: payload)
        switch kind {
        case "return-requested": self = .returnRequested(try read())
        case "return-accepted": self = .returnAccepted(try read())
        case "return-rejected": self = .returnRejected(try read())
        case "notice-imported": self = .noticeImported(try read())
        case "unit-announced": self = .unitAnnounced(try read())
        case "unit-admitted": self = .unitAdmitted(try read())
        case "load-delivered": self = .loadDelivered(try read())
        case "intake-decided": self = .intakeDecided(try read())
        case "load-taken-in": self = .loadTakenIn(try read())
        case "scanned": self = .scanned(try read())
        case "unit-bound": self = .unitBound(try read())
        case "unit-held": self = .unitHeld(try read())
        case "hold-lifted": self = .holdLifted(try read())
        case "unit-missing": self = .unitMissing(try read())
        case "unit-returned-unproven": self = .unitReturnedUnproven(try read())
        case "fault-confirmed": self = .faultConfirmed(try read())
        case "package-opened": self = .packageOpened(try read())
        case "package-closed": self = .packageClosed(try read())
        case "unit-packed": self = .unitPacked(try read())
        case "carton-stacked": self = .cartonStacked(try read())
        case "consignment-closed": self = .consignmentClosed(try read())
        case "consignment-shipped": self = .consignmentShipped(try read())
        case "consignment-received": self = .consignmentReceived(try read())
        case "event-corrected": self = .eventCorrected(try read())
        case "register-imported": self = .registerImported(try read())
        default: return nil
        }
    }

    /// The consignment that it is about.
    public var consignment: ConsignmentID? {
        switch self {
        case .returnRequested(let value): value.consignment
        case .returnAccepted(let value), .returnRejected(let value), .unitAdmitted(let value), .loadTakenIn(let value),
            .holdLifted(let value), .unitMissing(let value), .unitReturnedUnproven(let value), .consignmentReceived(let value):
            value.consignment
        case .noticeImported(let value): value.consignment
        case .unitAnnounced(let value): value.consignment
        case .loadDelivered(let value): value.consignment
        case .intakeDecided(let value): value.consignment
        case .scanned(let value): value.consignment
        case .unitBound(let value): value.consignment
        case .unitHeld(let value): value.consignment
        case .faultConfirmed(let value): value.consignment
        case .packageOpened(let value): value.consignment
        case .packageClosed(let value), .unitPacked(let value): value.consignment
        case .cartonStacked(let value): value.consignment
        case .consignmentClosed(let value): value.consignment
        case .consignmentShipped(let value): value.consignment
        case .eventCorrected(let value): value.consignment
        case .registerImported: nil
        }
    }

    private struct PayloadReader {
        let text: String
        func callAsFunction<Value: Decodable>() throws -> Value { try JSONText.decode(text, as: Value.self) }
    }
}
