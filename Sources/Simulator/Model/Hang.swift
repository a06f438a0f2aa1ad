/// The silence of a unit that has stopped in the middle of its work.
struct Hang: Sendable {
    private enum End {
        case reset
        case power
    }

    private var end: End?

    /// Whether nothing is answered now.
    var isOn: Bool { end != nil }

    /// Begins at a request, where a fault says so.
    mutating func meet(_ request: String?, _ faults: inout FaultPlan) {
        guard end == nil, let fault = faults.take(.hang, where: { $0.request == request || $0.request == nil }) else { return }
        end = fault.value == "power" ? .power : .reset
    }

    /// - Returns: whether the unit heard the reset.
    mutating func portReset() -> Bool {
        if end == .reset { end = nil }
        return end == nil
    }

    mutating func powerCycle() { end = nil }
}
