internal import BenchModel
internal import BenchWire
internal import Journal
internal import Logistics

/// What can be asked of a consignment, by the last part of the path.
enum OrderKind: String, CaseIterable {
    case accept, reject, deliver, intake, admit, hold, lift, missing, unproven, fault, correct, close, ship, receive, capture
    case takeIn = "take-in"

    /// Who may.
    var permission: Role.Permission {
        switch self {
        case .hold: .scan
        case .unproven: .decide
        default: .handleLoads
        }
    }

    /// Gives the order.
    func give(
        _ order: ConsignmentOrder, _ id: ConsignmentID, _ desk: ConsignmentDesk, _ by: Operator
    ) async throws(LogisticsRefusal) -> ConsignmentDesk.View {
        switch self {
        case .accept: return try await desk.answer(id, accept: true, text: order.text, by: by)
        case .reject: return try await desk.answer(id, accept: false, text: order.text, by: by)
        case .deliver:
            return try await desk.deliver(.init(consignment: id, counted: order.counted, carrier: order.carrier, by: by))
        case .intake:
            let decision = IntakeDecision(part: try needed(order.part, "part"), code: order.code, text: order.text)
            return try await desk.decideIntake(id, decision, by: by)
        case .takeIn: return try await desk.takeIn(id, by: by)
        case .admit: return try await desk.admit(try needed(order.unit, "unit"), into: id, reason: order.text ?? "", by: by)
        case .hold: return try await desk.hold(try needed(order.unit, "unit"), of: id, text: order.text, by: by)
        case .lift: return try await desk.lift(try needed(order.unit, "unit"), of: id, reason: order.text ?? "", by: by)
        case .missing: return try await desk.declareMissing(try needed(order.unit, "unit"), of: id, reason: order.text ?? "", by: by)
        case .unproven: return try await desk.returnUnproven(try needed(order.unit, "unit"), of: id, reason: order.text ?? "", by: by)
        case .fault:
            let (unit, fault) = (try needed(order.unit, "unit"), try needed(order.fault, "fault"))
            return try await desk.confirmFault(unit, of: id, fault, text: order.text, by: by)
        case .correct: return try await desk.correct(try needed(order.event, "event"), of: id, reason: order.text ?? "", by: by)
        case .close: return try await desk.close(id, by: by)
        case .ship:
            return try await desk.ship(.init(consignment: id, carrier: order.carrier, reference: order.reference, by: by))
        case .capture: return try await desk.requestCapture(id, by: by)
        case .receive: return try await desk.receive(id, text: order.text, by: by)
        }
    }

    private func needed<Value>(_ value: Value?, _ name: String) throws(LogisticsRefusal) -> Value {
        guard let value else { throw LogisticsRefusal(.partUnknown, "expected '\(name)' in the order '\(rawValue)', found nothing") }
        return value
    }
}
