import AsyncHTTPClient
import BenchWire
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// The daemon's API over its Unix socket.
struct BenchClient: Sendable {
    let socket: String

    /// Where nobody listens that is said at once; the shared client would try again for half a minute.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// The largest answer that is read, bytes.
    private static let answerLimit = 64 << 20

    func get<Value: Decodable & Sendable>(_ path: String, as _: Value.Type = Value.self) async throws -> Value {
        try await send(.GET, path)
    }

    func post<Value: Decodable & Sendable>(_ path: String, as _: Value.Type = Value.self) async throws -> Value {
        try await send(.POST, path)
    }

    func post<Value: Decodable & Sendable>(_ path: String, body: [UInt8], as _: Value.Type = Value.self) async throws -> Value {
        try await send(.POST, path, body)
    }

    func post<Value: Decodable & Sendable>(_ path: String, _ order: some Encodable, as _: Value.Type = Value.self) async throws -> Value {
        try await send(.POST, path, Array(try JSONEncoder().encode(order)))
    }

    /// The status now, and again whenever it has changed.
    func follow(_ handle: (BenchStatus) async throws -> Void) async throws {
        let response = try await execute(request(.GET, "events"), timeout: .hours(24 * 365))
        guard response.status == .ok else { throw Complaint("the daemon answered \(response.status)") }
        var rest = ByteBuffer()
        for try await chunk in response.body {
            var chunk = chunk
            rest.writeBuffer(&chunk)
            while let line = rest.readLine() {
                guard line.hasPrefix("data: ") else { continue }
                try await handle(try JSONDecoder().decode(BenchStatus.self, from: Data(line.utf8.dropFirst(6))))
            }
            rest.discardReadBytes()
        }
    }

    /// Writes an answer to a file as it comes, however long it is.
    func download(_ path: String, to file: String) async throws {
        let response = try await execute(request(.GET, path), timeout: .hours(2))
        guard response.status == .ok else { throw try await complaint(response) }
        guard FileManager.default.createFile(atPath: file, contents: nil), let handle = FileHandle(forWritingAtPath: file) else {
            throw Complaint("\(file) can't be written")
        }
        for try await chunk in response.body { try handle.write(contentsOf: Data(buffer: chunk)) }
        try handle.synchronize()
        try handle.close()
    }

    private func complaint(_ response: HTTPClientResponse) async throws -> Complaint {
        let body = Data(buffer: try await response.body.collect(upTo: 1 << 20))
        let error = try? JSONDecoder().decode(APIErrorBody.self, from: body)
        return Complaint(error.map { "\($0.message) (\($0.code))" } ?? "the daemon answered \(response.status)")
    }

    /// An answer as it is.
    func bytes(_ path: String) async throws -> Data { try await answer(.GET, path, nil) }

    private func send<Value: Decodable>(_ method: HTTPMethod, _ path: String, _ content: [UInt8]? = nil) async throws -> Value {
        let body = try await answer(method, path, content)
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(Value.self, from: body)
    }

    private func answer(_ method: HTTPMethod, _ path: String, _ content: [UInt8]?) async throws -> Data {
        var request = request(method, path)
        if let content { request.body = .bytes(content) }
        let response = try await execute(request, timeout: .seconds(30))
        // What the bench says no to is one thing, what it can't do now another.
        guard response.status == .ok else {
            let complaint = try await complaint(response)
            throw (400..<500).contains(response.status.code) ? BenchRefusal(complaint) as any Error : complaint
        }
        return Data(buffer: try await response.body.collect(upTo: Self.answerLimit))
    }

    private func execute(_ request: HTTPClientRequest, timeout: TimeAmount) async throws -> HTTPClientResponse {
        do {
            return try await Self.client.execute(request, timeout: timeout)
        } catch {
            throw Complaint("no answer from \(socket): is reflashd running? Name its socket with --socket or $REFLASH_SOCKET")
        }
    }

    private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        let host = socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? socket
        var request = HTTPClientRequest(url: "http+unix://\(host)/v1/\(path)")
        request.method = method
        return request
    }
}

/// What the bench says no to; asking again would not help.
struct BenchRefusal: Error, CustomStringConvertible {
    let description: String

    init(_ complaint: Complaint) { description = complaint.description }
}

/// What can't be done, as one sentence for a person.
struct Complaint: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension ByteBuffer {
    /// Takes the next line off, without its end.
    fileprivate mutating func readLine() -> String? {
        guard let length = readableBytesView.firstIndex(of: UInt8(ascii: "\n")).map({ $0 - readerIndex }) else { return nil }
        let line = readString(length: length)
        moveReaderIndex(forwardBy: 1)
        return line
    }
}
