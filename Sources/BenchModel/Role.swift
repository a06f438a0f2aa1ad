/// What somebody may do on a bench.
public enum Role: String, Hashable, Sendable, Codable, CaseIterable {
    /// Looks.
    case viewer
    /// Also gives orders to slots.
    case technician
    /// Looks, scans, takes loads in, packs and returns them.
    case clerk
    /// Does all that; and decides what is flashed: approvals, withdrawals, checks that are left out.
    case supervisor
    /// Looks, and brings releases and revocations.
    case releaser

    /// What a role allows.
    public enum Permission: Sendable {
        case look
        case orderSlots
        /// Scans, and what a scan asks for.
        case scan
        /// Takes loads in, and closes and ships consignments.
        case handleLoads
        case bringReleases
        /// Statements that somebody else has signed.
        case bringStatements
        case decide
    }

    /// Whether this role allows it.
    public func allows(_ permission: Permission) -> Bool {
        switch permission {
        case .look: true
        case .orderSlots: self == .technician || self == .supervisor
        case .scan: self == .technician || self == .clerk || self == .supervisor
        case .handleLoads: self == .clerk || self == .supervisor
        case .bringReleases: self == .releaser || self == .supervisor
        case .bringStatements: self != .viewer
        case .decide: self == .supervisor
        }
    }
}

/// Who did something, as the journal has it.
public struct Operator: Hashable, Sendable, Codable {
    /// The user's name on the bench, or its number where it has none.
    public var user: String
    /// The role by which it was allowed; `nil` where no role allowed it.
    public var role: Role?

    public init(user: String, role: Role?) {
        self.user = user
        self.role = role
    }
}

/// The other end of a connection, as the kernel vouches for it.
public struct Peer: Hashable, Sendable {
    /// The effective user's number.
    public var uid: UInt32
    /// The user's name; its number where it has none.
    public var user: String
    /// Names of all its groups; a number where one has none.
    public var groups: Set<String>

    public init(uid: UInt32, user: String, groups: Set<String>) {
        self.uid = uid
        self.user = user
        self.groups = groups
    }
}

/// Who has which roles.
public struct RoleRules: Hashable, Sendable {
    /// Whom a rule is about.
    public enum Member: Hashable, Sendable {
        /// A user, by name or number.
        case user(String)
        /// A group, by name or number.
        case group(String)
        case everyone

        /// `user NAME`, `group NAME` or `everyone`.
        public init?(_ text: String) {
            let words = text.split(separator: " ").map(String.init)
            switch (words.first, words.count) {
            case ("everyone", 1): self = .everyone
            case ("user", 2): self = .user(words[1])
            case ("group", 2): self = .group(words[1])
            default: return nil
            }
        }
    }

    /// `nil`: the daemon's own user and root have every role, and whoever else may connect looks.
    public var members: [Role: [Member]]?

    public init(_ members: [Role: [Member]]? = nil) { self.members = members }

    /// The roles of a peer. `ownUser` is the daemon's.
    public func roles(of peer: Peer, ownUser: UInt32) -> Set<Role> {
        guard let members else { return peer.uid == ownUser || peer.uid == 0 ? Set(Role.allCases) : [.viewer] }
        return Set(
            Role.allCases.filter { role in
                (members[role] ?? []).contains { member in
                    switch member {
                    case .everyone: true
                    case .user(let name): name == peer.user || name == "\(peer.uid)"
                    case .group(let name): peer.groups.contains(name)
                    }
                }
            })
    }

    /// Whoever does something with this permission, in the least of its roles that allows it; `nil` where none does.
    public func role(of peer: Peer, for permission: Role.Permission, ownUser: UInt32) -> Role? {
        let roles = roles(of: peer, ownUser: ownUser)
        return Role.allCases.first { roles.contains($0) && $0.allows(permission) }
    }
}
