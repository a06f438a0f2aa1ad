public import Bench
internal import BenchModel
public import Delivery
internal import Foundation
internal import Hummingbird
public import Journal
public import Logging
public import Logistics
public import Releases
public import ServiceLifecycle

/// The API on a Unix socket, as a service that ends gracefully.
public struct BenchServer: Service {
    private let bench: BenchController
    private let desk: ReleaseDesk
    private let consignments: ConsignmentDesk?
    private let checkpointer: Checkpointer
    private let outbox: CaptureOutbox?
    private let socket: String
    private let logger: Logger
    private let whenListening: @Sendable () async -> Void

    /// - Throws: ``SocketError`` where the path is taken. A socket that a killed daemon left behind is replaced.
    public init(
        _ bench: BenchController, desk: ReleaseDesk, consignments: ConsignmentDesk? = nil, checkpointer: Checkpointer,
        outbox: CaptureOutbox? = nil, socket: String, logger: Logger,
        whenListening: @escaping @Sendable () async -> Void
    ) throws(SocketError) {
        self.consignments = consignments
        self.checkpointer = checkpointer
        self.outbox = outbox
        self.bench = bench
        self.desk = desk
        self.socket = socket
        self.logger = logger
        self.whenListening = whenListening
        try SocketPath.prepare(socket)
    }

    public func run() async throws {
        let application = Application(
            router: Routes(bench: bench, desk: desk, consignments: consignments, checkpointer: checkpointer, outbox: outbox).router(),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: socket)),
            onServerRunning: { [socket, whenListening, bench] _ in
                // Where the config says who has which role, everyone may ask and the kernel says who it is; else owner and group.
                chmod(socket, bench.config.roles.members == nil ? 0o660 : 0o666)
                await whenListening()
            }, logger: logger)
        defer { unlink(socket) }
        try await application.runService(gracefulShutdownSignals: [])
    }
}

/// Why a socket can't be made where the config says.
public struct SocketError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, and what to do, in a sentence.
    public let description: String
}

/// The place of a Unix socket in the file system.
enum SocketPath {
    /// Makes the path free, unless something that is alive or is no socket is there.
    static func prepare(_ path: String) throws(SocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            let folder = (path as NSString).deletingLastPathComponent
            guard folder.isEmpty || access(folder, W_OK) == 0 else {
                throw SocketError(description: "socket \(path): the folder can't be written: \(String(cString: strerror(errno)))")
            }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SocketError(description: "socket \(path): something else has this name; move it away or name another socket")
        }
        guard !isAnswered(path) else {
            throw SocketError(description: "socket \(path): another reflashd answers there; stop it or name another socket")
        }
        unlink(path)
    }

    private static func isAnswered(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8.prefix(107))) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
