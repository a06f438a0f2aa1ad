/// A document that is made piece by piece as it is read, however long it is: a piece is asked for when the one before has been taken.
public typealias ExportStream = AsyncThrowingStream<[UInt8], any Error>

extension ExportStream {
    /// `next`: the next piece, from a state that it moves on; `nil` at the end.
    init<State: Sendable>(
        from start: State, _ next: @escaping @Sendable (inout State) async throws(LogisticsRefusal) -> String?
    ) {
        let box = StreamState(start)
        self.init(unfolding: { try await box.next(next) })
    }
}

/// The state of one stream: its reader asks for one piece after the other.
private actor StreamState<State: Sendable> {
    private var state: State

    init(_ state: State) { self.state = state }

    func next(_ body: @Sendable (inout State) async throws(LogisticsRefusal) -> String?) async throws -> [UInt8]? {
        var moved = state
        let piece = try await body(&moved)
        state = moved
        return piece.map { Array($0.utf8) }
    }
}
