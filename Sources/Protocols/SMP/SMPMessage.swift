/// One SMP message: the header of 8 bytes (big-endian) and a CBOR map (Zephyr `services/device_mgmt/smp_protocol`).
public struct SMPMessage: Hashable, Sendable {
    /// Bytes of the header.
    public static let headerLength = 8
    /// The header's length field has 16 bits.
    public static let bodyLimit = 0xFFFF

    /// What the message is for.
    public var operation: SMPOperation
    /// Which of the two forms of errors the sender speaks.
    public var version: SMPVersion
    /// Reserved; 0.
    public var flags: UInt8
    /// The command's group.
    public var group: UInt16
    /// A response has its request's.
    public var sequence: UInt8
    /// The command within its group.
    public var command: UInt8
    /// A map.
    public var body: CBOR

    public init(
        _ operation: SMPOperation, version: SMPVersion = .v2, flags: UInt8 = 0, group: UInt16, sequence: UInt8, command: UInt8,
        body: CBOR
    ) {
        self.operation = operation
        self.version = version
        self.flags = flags
        self.group = group
        self.sequence = sequence
        self.command = command
        self.body = body
    }

    /// Reads a whole message, to its last byte.
    /// - Throws: ``SMPError/malformed(_:)``.
    public init(_ bytes: [UInt8]) throws(SMPError) {
        guard bytes.count >= Self.headerLength else {
            throw .malformed("expected a header of \(Self.headerLength) bytes, found \(bytes.count)")
        }
        guard let operation = SMPOperation(rawValue: bytes[0] & 7) else {
            throw .malformed("expected operation 0 to 3, found \(bytes[0] & 7)")
        }
        guard let version = SMPVersion(rawValue: bytes[0] >> 3 & 3) else {
            throw .malformed("expected version 0 or 1, found \(bytes[0] >> 3 & 3)")
        }
        let length = Int(bytes[2]) << 8 | Int(bytes[3])
        guard length == bytes.count - Self.headerLength else {
            throw .malformed("the header says \(length) bytes of body, found \(bytes.count - Self.headerLength)")
        }
        let body: CBOR
        do throws(CBORError) { body = try CBOR(Array(bytes[Self.headerLength...])) } catch { throw .malformed("\(error)") }
        guard case .map = body else { throw .malformed("expected a map as body") }
        self.init(
            operation, version: version, flags: bytes[1], group: UInt16(bytes[4]) << 8 | UInt16(bytes[5]), sequence: bytes[6],
            command: bytes[7], body: body)
    }

    /// The whole message.
    /// - Throws: ``SMPError/malformed(_:)`` where the body is longer than ``bodyLimit``.
    public func encoded() throws(SMPError) -> [UInt8] {
        var bytes: [UInt8] = [
            operation.rawValue | version.rawValue << 3, flags, 0, 0, UInt8(group >> 8), UInt8(group & 0xFF), sequence, command,
        ]
        body.append(to: &bytes)
        let length = bytes.count - Self.headerLength
        guard length <= Self.bodyLimit else { throw .malformed("a body of \(length) bytes, more than \(Self.bodyLimit)") }
        bytes[2] = UInt8(length >> 8)
        bytes[3] = UInt8(length & 0xFF)
        return bytes
    }
}

/// Bits 0 to 2 of the header's first byte.
public enum SMPOperation: UInt8, Sendable, CaseIterable {
    case read, readResponse, write, writeResponse

    /// What a request of this kind is answered with.
    public var response: SMPOperation? {
        switch self {
        case .read: .readResponse
        case .write: .writeResponse
        case .readResponse, .writeResponse: nil
        }
    }
}

/// Bits 3 and 4 of the header's first byte.
public enum SMPVersion: UInt8, Sendable, CaseIterable {
    /// Errors are `rc`.
    case v1
    /// Errors are `err`, with the group that they belong to.
    case v2
}

/// An error that a server answered with. A v1 error belongs to no group; a v2 error to the one that it names.
public struct SMPStatus: Hashable, Sendable, CustomStringConvertible {
    /// `nil` in a v1 error.
    public var group: UInt16?
    /// Not 0.
    public var rc: Int

    public init(group: UInt16? = nil, rc: Int) {
        self.group = group
        self.rc = rc
    }

    /// The error in a response's body, if it is one: `rc` (v1) or `err` (v2), where not 0.
    public init?(_ body: CBOR) {
        if let error = body["err"], let rc = error["rc"]?.integer, rc != 0 {
            self.init(group: error["group"]?.integer.flatMap { UInt16(exactly: $0) }, rc: rc)
        } else if let rc = body["rc"]?.integer, rc != 0 {
            self.init(rc: rc)
        } else {
            return nil
        }
    }

    /// The body that carries it.
    public var body: CBOR {
        guard let group else { return .map(["rc": CBOR(rc)]) }
        return .map(["err": .map(["group": CBOR(group), "rc": CBOR(rc)])])
    }

    /// `MGMT_ERR_ENOTSUP`: the server does not know the command.
    public static let notSupported = SMPStatus(rc: 8)
    /// `MGMT_ERR_EBUSY`.
    public static let busy = SMPStatus(rc: 10)
    /// `MGMT_ERR_EINVAL`.
    public static let invalid = SMPStatus(rc: 3)

    /// Whether the server looked at the image and will not have it: header, magic, hash, address, version, size.
    public var isRejection: Bool { group == ImageGroup.id && [22, 23, 24, 25, 26, 27, 29, 30].contains(rc) }

    /// Whether the server does not know the command: that is the protocol's own error, of no group, in both versions.
    public var isNotSupported: Bool { group == nil && rc == 8 }

    public var description: String {
        if let group {
            let name = group == ImageGroup.id ? ImageGroup.errors[rc] : group == OSGroup.id ? OSGroup.errors[rc] : nil
            return "group \(group) error \(rc)" + (name.map { " (\($0))" } ?? "")
        }
        return "rc \(rc)" + (Self.names[rc].map { " (\($0))" } ?? "")
    }

    /// Zephyr `include/zephyr/mgmt/mcumgr/mgmt/mgmt_defines.h`, `enum mcumgr_err_t`.
    private static let names = [
        1: "unknown error", 2: "no memory", 3: "invalid value", 4: "timeout", 5: "no such entry", 6: "bad state",
        7: "response too large", 8: "not supported", 9: "corrupt", 10: "busy", 11: "access denied",
        12: "protocol version too old", 13: "protocol version too new",
    ]
}
