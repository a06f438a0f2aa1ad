internal import BenchModel
internal import BenchWire
internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import Releases

/// A request, with the other end of its connection.
struct BenchRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Who asks, as the kernel vouches for it.
    var peer: Peer?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Finds out who asks, and lets nobody in who may not even look.
struct PeerCheck: RouterMiddleware {
    let gate: RoleGate
    let desk: ReleaseDesk

    @concurrent
    func handle(
        _ request: Request, context: BenchRequestContext, next: @concurrent (Request, BenchRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.peer = try await PeerCredentials.peer(of: context.channel)
        do throws(APIFailure) { _ = try gate.operator(context, for: .look) } catch {
            await desk.note(error, "look", request.uri.path, by: gate.nobody(context))
            throw error
        }
        return try await next(request, context)
    }
}

/// Who may do what, by the config's roles.
struct RoleGate: Sendable {
    let rules: RoleRules

    /// Whoever asks, in the role that allows it.
    /// - Throws: ``APIFailure`` where none does.
    func `operator`(_ context: BenchRequestContext, for permission: Role.Permission) throws(APIFailure) -> Operator {
        guard let peer = context.peer, let role = rules.role(of: peer, for: permission, ownUser: geteuid()) else {
            throw APIFailure(
                .forbidden, "role-missing",
                "user '\(context.peer?.user ?? "?")' has no role that may \(permission.words); roles are in the bench's config ('roles')")
        }
        return Operator(user: peer.user, role: role)
    }

    /// Whoever asks, whatever it may do.
    func nobody(_ context: BenchRequestContext) -> Operator { Operator(user: context.peer?.user ?? "?", role: nil) }
}

extension Role.Permission {
    fileprivate var words: String {
        switch self {
        case .look: "look at this bench"
        case .orderSlots: "give orders to slots"
        case .scan: "scan and pack"
        case .handleLoads: "handle loads"
        case .bringReleases: "import releases"
        case .bringStatements: "bring statements"
        case .decide: "decide about releases"
        }
    }
}

extension ReleaseDesk {
    /// Records that somebody was turned away.
    func note(_ failure: APIFailure, _ request: String, _ subject: String, by: Operator) async {
        await noteRefused(request, subject, code: failure.body.code, message: failure.body.message, by: by)
    }
}

/// SO_PEERCRED, unix(7): pid, uid and gid of whoever connected.
private struct PeerCredentials: Sendable {
    var pid: Int32
    var uid: UInt32
    var gid: UInt32

    /// - Throws: ``APIFailure`` where the connection has no such thing: it is no Unix socket.
    static func peer(of channel: any Channel) async throws -> Peer {
        guard let provider = channel as? any SocketOptionProvider else {
            throw APIFailure(.forbidden, "peer-unknown", "the kernel does not say who is at the other end of this connection")
        }
        let level = SocketOptionLevel(SOL_SOCKET)
        let credentials: PeerCredentials = try await provider.unsafeGetSocketOption(level: level, name: SocketOptionName(SO_PEERCRED)).get()
        let user = userName(credentials.uid) ?? "\(credentials.uid)"
        return Peer(uid: credentials.uid, user: user, groups: groups(of: user, credentials.gid))
    }

    /// The group of the process, and those that the user database gives its user; each by name and by number.
    private static func groups(of user: String, _ gid: UInt32) -> Set<String> {
        var count: Int32 = 256
        var ids = [gid_t](repeating: 0, count: Int(count))
        guard getgrouplist(user, gid, &ids, &count) >= 0 else { return names([gid]) }
        return names(ids.prefix(Int(count)) + [gid])
    }

    private static func names(_ ids: some Sequence<gid_t>) -> Set<String> {
        var names: Set<String> = []
        for id in ids {
            names.insert("\(id)")
            if let name = groupName(id) { names.insert(name) }
        }
        return names
    }

    // With buffers of their own: requests run side by side, and getpwuid(3) has one for all of them.

    private static func userName(_ uid: UInt32) -> String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: bufferSize)
        guard getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, let found else { return nil }
        return String(cString: found.pointee.pw_name)
    }

    private static func groupName(_ gid: gid_t) -> String? {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: bufferSize)
        guard getgrgid_r(gid, &entry, &buffer, buffer.count, &found) == 0, let found else { return nil }
        return String(cString: found.pointee.gr_name)
    }

    /// A group with many members needs as much.
    private static let bufferSize = 64 << 10
}
