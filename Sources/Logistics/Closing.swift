public import BenchModel
public import Journal

// The end of a consignment.

extension ConsignmentDesk {
    /// Closes a consignment that balances: nothing of its units changes any more.
    public func close(_ id: ConsignmentID, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            let consignment = try reader.existing(id).expecting(.takenIn)
            let sum = try reader.reconciliation(of: consignment)
            guard sum.balances else {
                throw LogisticsRefusal(.doesNotBalance, "consignment \(id) does not balance: \(sum.openPoints.joined(separator: "; "))")
            }
            let states = Dictionary(sum.states.map { ($0.key.rawValue, $0.value) }) { first, _ in first }
            return [
                .of(
                    .consignmentClosed(
                        .init(
                            consignment: id, states: states, unexpected: sum.unexpected, withoutFaultReason: sum.withoutFaultReason, by: by)
                    ))
            ]
        }
    }

    /// Records that a closed consignment has left.
    public func ship(_ shipped: ConsignmentEvent.ConsignmentShipped) async throws(LogisticsRefusal) -> View {
        try await decide(shipped.consignment) { reader in
            let id = shipped.consignment
            _ = try reader.existing(id).expecting(.closed)
            let open = try reader.packages(of: id).filter { $0.closed == nil && $0.count > 0 }
            guard open.isEmpty else {
                let names = open.map { "\($0.level.rawValue) \($0.sscc)" }.joined(separator: ", ")
                throw LogisticsRefusal(.package, "close what is open first: \(names)")
            }
            return [.of(.consignmentShipped(shipped))]
        }
    }

    /// Records that the Service User has taken delivery again.
    public func receive(_ id: ConsignmentID, text: String?, by: Operator) async throws(LogisticsRefusal) -> View {
        try await decide(id) { reader in
            _ = try reader.existing(id).expecting(.shipped)
            return [.of(.consignmentReceived(.init(id, text: text, by: by)))]
        }
    }
}
