/// What the simulator can't do, in a sentence.
public struct SimulatorError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, and what to do, in a sentence.
    public let description: String

    public init(_ description: String) { self.description = description }
}
