import BenchModel
import Foundation
import Testing

@testable import Protocols

/// Bytes that others made, with values drawn from a seed: PyPI's smp, smpclient and cbor2 (`Tests/Interop/vectors.py`).
///
/// `REFLASH_VECTOR_SEED=N swift test --filter SMPVectorTests` draws others.
@Suite(.timeLimit(.minutes(3))) struct SMPVectorTests {
    private struct Vector: Decodable {
        var kind: String
        var name: String?
        var bytes: String
        var wire: String?
        var canonical: String?
        var line: Int?
        var shown: String?
    }

    private static let seed = ProcessInfo.processInfo.environment["REFLASH_VECTOR_SEED"] ?? "1"

    private func vectors() async throws -> [String: [Vector]] {
        print("SMP vectors: seed \(Self.seed)")
        let made = try await Programs.run("venv-python", ["\(Programs.packageRoot)/Tests/Interop/vectors.py", Self.seed])
        try #require(made.status == 0, "\(made.errors)")
        let all = try made.output.split(separator: "\n").map { try JSONDecoder().decode(Vector.self, from: Data($0.utf8)) }
        return Dictionary(grouping: all, by: \.kind)
    }

    /// What a vector is read as, and written again.
    private static func body(_ name: String, _ body: CBOR) throws -> CBOR? {
        switch name {
        case "echo": try OSGroup.Echo(body: body).body
        case "echo response": try OSGroup.Echo.Response(body: body).body
        case "reset": try OSGroup.Reset(body: body).body
        case "parameters": try OSGroup.Parameters(body: body).body
        case "parameters response": try OSGroup.Parameters.Response(body: body).body
        case "info": try OSGroup.Info(body: body).body
        case "info response": try OSGroup.Info.Response(body: body).body
        case "bootloader info": try OSGroup.BootloaderInfo(body: body).body
        case "bootloader info response": try OSGroup.BootloaderInfo.Response(body: body).body
        case "state read": try ImageGroup.ReadState(body: body).body
        case "state response", "state write response": try ImageGroup.State(body: body).body
        case "state write": try ImageGroup.WriteState(body: body).body
        case "upload": try ImageGroup.Upload(body: body).body
        case "upload response": try ImageGroup.Upload.Response(body: body).body
        case "erase": try ImageGroup.Erase(body: body).body
        case "reset response", "erase response": try SMPDone(body: body).body
        case "error v1", "error v2", "os error v2": SMPStatus(body)?.body
        default: nil
        }
    }

    /// As `vectors.py` shows it.
    private static func shown(_ value: CBOR) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .unsigned(let number): "\(number)"
        case .negative(let number): number == .max ? "-18446744073709551616" : "-\(number + 1)"
        case .bytes(let bytes): "h" + Hex.lowercase(bytes)
        case .text(let text): "t" + Hex.lowercase(Array(text.utf8))
        case .array(let items): "[" + items.map(shown).joined(separator: ",") + "]"
        case .map(let entries):
            "{" + entries.map { shown(.text($0.key)) + ":" + shown($0.value) }.sorted().joined(separator: ",") + "}"
        }
    }

    @Test func `every message, frame and value that others make is read and written the same`() async throws {
        let vectors = try await vectors()
        try #require(vectors["message"]?.count == 630)
        for vector in vectors["message"] ?? [] {
            let bytes = try #require(Hex.bytes(vector.bytes))
            var message = try SMPMessage(bytes)
            let name = vector.name ?? ""
            message.body = try #require(try Self.body(name, message.body), "\(name)")
            #expect(try message.encoded() == bytes, "\(vector.name ?? "") \(vector.bytes)")
        }
        try #require(vectors["console"]?.count == 1000 && vectors["cobs"]?.count == 200)
        for vector in (vectors["console"] ?? []) + (vectors["cobs"] ?? []) {
            let (bytes, wire) = (try #require(Hex.bytes(vector.bytes)), try #require(Hex.bytes(vector.wire ?? "")))
            let framing = vector.line.map { SMPFraming.console(lineLength: $0) } ?? .cobs
            #expect(framing.encode(bytes) == wire)
            var decoder = framing.makeDecoder()
            decoder.feed(wire)
            #expect(decoder.next() == (bytes.isEmpty ? nil : bytes))
        }
        try #require(vectors["cbor"]?.count == 10_000)
        for vector in vectors["cbor"] ?? [] {
            let bytes = try #require(Hex.bytes(vector.bytes))
            let value = try CBOR(bytes)
            #expect(value.encoded == bytes, "\(vector.bytes)")
            #expect(Self.shown(value) == vector.shown, "\(vector.bytes)")
        }
        try #require(vectors["loose"]?.count == 1000)
        for vector in vectors["loose"] ?? [] {
            let value = try CBOR(try #require(Hex.bytes(vector.bytes)))
            #expect(Hex.lowercase(value.encoded) == vector.canonical)
        }
        try #require((vectors["refused"]?.count ?? 0) > 500)
        for vector in vectors["refused"] ?? [] {
            let bytes = try #require(Hex.bytes(vector.bytes))
            #expect(throws: CBORError.self, "\(vector.bytes)") { try CBOR(bytes) }
        }
    }
}
