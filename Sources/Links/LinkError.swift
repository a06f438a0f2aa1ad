/// How something below a conversation failed: a USB device, a serial line.
public struct LinkError<Kind: RawRepresentable<String> & Hashable & Sendable>: Error, Hashable, Sendable, CustomStringConvertible {
    public typealias Code = Kind

    /// What kind of failure it is; stable text for records.
    public let code: Kind
    /// What was tried and what the system said.
    public let sentence: String

    public init(_ code: Kind, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    public var description: String { sentence }
}
