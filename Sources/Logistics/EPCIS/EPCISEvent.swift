internal import BenchModel
internal import Crypto
internal import Foundation

/// A value of a JSON document.
enum JSONValue: Hashable, Sendable, Encodable {
    case text(String)
    case number(Int64)
    case list([JSONValue])
    case object([String: JSONValue])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let fields): try container.encode(fields)
        }
    }

    /// With sorted keys: the same value is always the same bytes.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

/// An EPCIS 2.0 event as JSON-LD (GS1 EPCIS 2.0, §9.3 and §10; CBV 2.0 for its words).
public struct EPCISEvent: Hashable, Sendable {
    var fields: [String: JSONValue]

    /// The prefix of the bench's own keys, declared in the document's `@context`.
    static let prefix = "reflash:"

    /// Its `eventID`: the same however often it is made.
    public var id: String { if case .text(let id)? = fields["eventID"] { id } else { "" } }

    /// Whether it declares an event of the same id wrong.
    public var isCorrection: Bool { fields["errorDeclaration"] != nil }

    /// Its `eventTime`.
    var time: String { if case .text(let time)? = fields["eventTime"] { time } else { "" } }

    /// `index`: which of the events that come of one event of the journal.
    init(_ type: String, _ record: EventRecord, index: Int, action: String) {
        fields = [
            "type": .text(type), "eventID": .text(Self.id(record, index)), "eventTime": .text(record.utc),
            "eventTimeZoneOffset": .text("+00:00"), "action": .text(action), Self.prefix + "journalEvent": .number(record.number),
            Self.prefix + "journalHash": .text(record.hash.description),
        ]
    }

    /// RFC 9562 §5.8: a UUID whose bits are the maker's own, here the first of a SHA-256 over what it is made of.
    private static func id(_ record: EventRecord, _ index: Int) -> String {
        var bytes = Array(SHA256.hash(data: Array("epcis \(record.hash) \(index)".utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Hex.lowercase(bytes)
        var groups: [Substring] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            groups.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return "urn:uuid:" + groups.joined(separator: "-")
    }

    /// Sets an extension; nothing where there is nothing to say.
    mutating func extend(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { fields[Self.prefix + name] = .text(value) }
    }

    /// The event again, declared not to have happened so (EPCIS 2.0 §7.4.1.4).
    func declaredWrong(at utc: String) -> EPCISEvent {
        var event = self
        event.fields["errorDeclaration"] = .object(["declarationTime": .text(utc), "reason": .text("incorrect_data")])
        return event
    }
}

/// How the things of a consignment are called in EPCIS.
struct EPCISNames: Sendable {
    let config: LogisticsConfig

    /// RFC 9039, a device by its EUI-64.
    static func unit(_ unit: EUI64) -> String { "urn:dev:mac:" + unit.compact.lowercased() }

    /// GS1 Digital Link, AI 00; for what has no SSCC a URI of the bench's own.
    func container(_ name: String) -> String {
        SSCC(name).map { Self.package($0) } ?? config.namespace + "container/" + escaped(name)
    }

    static func package(_ sscc: SSCC) -> String { "https://id.gs1.org/00/" + sscc.digits }

    /// GS1 Digital Link, AI 414.
    var location: String { "https://id.gs1.org/414/" + config.location.digits }

    /// GS1 Digital Link, AI 417.
    var bench: String { "https://id.gs1.org/417/" + config.location.digits }

    func party(_ party: Party) -> String {
        party.gln.map { "https://id.gs1.org/417/" + $0.digits } ?? config.namespace + "party/" + escaped(party.name)
    }

    func transaction(_ kind: String, _ name: String) -> String { config.namespace + kind + "/" + escaped(name) }

    var reflashing: String { config.namespace + "bizstep/reflashing" }

    var vocabulary: String { config.namespace + "vocabulary#" }

    /// RFC 3986 §2.3: what needs no escaping in a path.
    private func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let scalar = UnicodeScalar(byte)
            let isPlain = scalar.isASCII && (("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar))
            return isPlain || "-._~".utf8.contains(byte) ? String(scalar) : "%" + Hex.digits(byte, width: 2)
        }.joined()
    }
}
