internal import BenchModel
public import BenchWire

/// What is delivered to a capture endpoint, for a terminal.
public struct DeliveryLines: Sendable {
    private let style: Style

    public init(style: Style) { self.style = style }

    /// A line a consignment, and another where something is in the way.
    public func lines(_ all: [DeliveryStatus]) -> [String] {
        guard !all.isEmpty else { return ["there is no consignment"] }
        let width = all.map { $0.state.consignment.name.count }.max() ?? 0
        return all.flatMap { delivery in
            let state = delivery.state
            let word =
                if delivery.problem != nil {
                    style.paint("not delivered", .red)
                } else if state.isDue {
                    style.paint("waits", .yellow)
                } else if state.delivered == 0 {
                    "not wanted before it is closed"
                } else if state.last > state.delivered {
                    "delivered up to event \(state.delivered) of \(state.last)"
                } else {
                    style.paint("delivered", .green) + ", event \(state.delivered)"
                }
            let problem = delivery.problem.map { "  \($0.message) (\($0.attempts) \($0.attempts == 1 ? "try" : "tries"))" }
            return ["\(state.consignment.name.fitted(width))  \(word)"] + [problem].compactMap(\.self)
        }
    }
}
