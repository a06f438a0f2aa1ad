internal import BenchModel
internal import Crypto

/// The chain that ties each event to all before it.
///
/// An event's canonical bytes are its fields in order (number, UTC, monotonic nanoseconds, slot, unit, session, kind,
/// payload), each as `<length>:<UTF-8>` with the length in decimal bytes, and a lone `-` for a field that is not there. Its
/// hash is SHA-256 of the previous event's 32 hash bytes (32 zero bytes before the first) followed by the canonical bytes.
enum HashChain {
    static let start = [UInt8](repeating: 0, count: 32)

    static func hash(after previous: [UInt8], _ event: EventFields) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: previous)
        hash.update(data: canonicalBytes(event))
        return Array(hash.finalize())
    }

    private static func canonicalBytes(_ event: EventFields) -> [UInt8] {
        let fields: [String?] = [
            String(event.number), event.utc, String(event.monotonicNanoseconds), event.slot, event.unit,
            event.session.map { String($0) }, event.kind, event.payload,
        ]
        var bytes: [UInt8] = []
        for field in fields {
            if let field {
                bytes += Array("\(field.utf8.count):".utf8) + Array(field.utf8)
            } else {
                bytes.append(UInt8(ascii: "-"))
            }
        }
        return bytes
    }
}

/// An event's fields as they are stored, before anything is made of them: verification must see what is there.
struct EventFields {
    var number: EventNumber
    var utc: String
    var monotonicNanoseconds: Int64
    var slot: String?
    var unit: String?
    var session: Int64?
    var kind: String
    var payload: String
}
