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
        var bytes = previous
        bytes.reserveCapacity(previous.count + event.payload.utf8.count + 160)
        append(String(event.number), to: &bytes)
        append(event.utc, to: &bytes)
        append(String(event.monotonicNanoseconds), to: &bytes)
        append(event.slot, to: &bytes)
        append(event.unit, to: &bytes)
        append(event.session.map { String($0) }, to: &bytes)
        append(event.kind, to: &bytes)
        append(event.payload, to: &bytes)
        return Array(SHA256.hash(data: bytes))
    }

    private static func append(_ field: String?, to bytes: inout [UInt8]) {
        guard let field else { return bytes.append(UInt8(ascii: "-")) }
        bytes += String(field.utf8.count).utf8
        bytes.append(UInt8(ascii: ":"))
        bytes += field.utf8
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
