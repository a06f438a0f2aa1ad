/// What is wrong with a firmware image, and where in it.
public struct FirmwareProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable text for scripts.
    public enum Code: String, Sendable, CaseIterable, Codable {
        /// The bytes end before the field does.
        case truncated
        /// A field holds a value that its specification does not allow.
        case fieldInvalid = "field-invalid"
        /// Two places that must agree do not.
        case mismatch
        /// The content is encrypted and can't be verified without its key.
        case encrypted
        /// The bytes are no image that is known here.
        case formatUnknown = "format-unknown"
        /// The file can't be opened or read.
        case unreadable
    }

    /// What kind of failure it is.
    public let code: Code
    /// Bytes from the start of the file; `nil` when the file as a whole is meant.
    public let offset: Int?
    /// The field's name in its specification.
    public let field: String
    /// What should be there.
    public let expected: String
    /// What is there.
    public let found: String

    public init(_ code: Code, at offset: Int?, field: String, expected: String, found: String) {
        self.code = code
        self.offset = offset
        self.field = field
        self.expected = expected
        self.found = found
    }

    public var description: String {
        let place = offset.map { "offset 0x\(String($0, radix: 16)), " } ?? ""
        return "\(place)\(field): expected \(expected), found \(found)"
    }
}
