/// A request of one of SMP's groups, with the response that answers it.
public protocol SMPRequest: Hashable, Sendable {
    associatedtype Response: SMPBody
    static var group: UInt16 { get }
    static var command: UInt8 { get }
    /// ``SMPOperation/read`` or ``SMPOperation/write``.
    static var operation: SMPOperation { get }
    /// As people say it: "image state".
    static var name: String { get }
    /// The body as a map.
    var body: CBOR { get }
    /// - Throws: ``SMPError/malformed(_:)``, naming the field.
    init(body: CBOR) throws(SMPError)
}

/// What a response carries.
public protocol SMPBody: Hashable, Sendable {
    /// The body as a map.
    var body: CBOR { get }
    /// Reads what is known in the body and leaves out what is not.
    /// - Throws: ``SMPError/malformed(_:)``, naming the field.
    init(body: CBOR) throws(SMPError)
}

/// A response that says nothing but that it is one.
public struct SMPDone: SMPBody {
    public init() {}
    public init(body: CBOR) throws(SMPError) {}
    public var body: CBOR { .map([:]) }
}

/// Reads the fields of a body.
struct SMPFields {
    let body: CBOR
    let name: String

    init(_ body: CBOR, of name: String) {
        self.body = body
        self.name = name
    }

    /// The field as `read` understands it; `nil` where it is not there.
    func optional<Value>(_ key: String, _ expected: String, _ read: (CBOR) -> Value?) throws(SMPError) -> Value? {
        guard let field = body[key], field != .null else { return nil }
        guard let value = read(field) else { throw .malformed("\(name): '\(key)' is not \(expected)") }
        return value
    }

    func required<Value>(_ key: String, _ expected: String, _ read: (CBOR) -> Value?) throws(SMPError) -> Value {
        guard let value = try optional(key, expected, read) else { throw .malformed("\(name): '\(key)' is missing") }
        return value
    }

    /// A count, an offset or a number of something: 0 or more.
    func count(_ key: String) throws(SMPError) -> Int? {
        try optional(key, "a number from 0 on") { $0.integer.flatMap { $0 >= 0 ? $0 : nil } }
    }

    func flag(_ key: String) throws(SMPError) -> Bool? { try optional(key, "true or false", \.flag) }
    func text(_ key: String) throws(SMPError) -> String? { try optional(key, "text", \.string) }
    func data(_ key: String) throws(SMPError) -> [UInt8]? { try optional(key, "bytes", \.data) }
}
