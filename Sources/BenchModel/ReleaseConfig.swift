/// Where a bench keeps its releases, whom it believes, and what it asks for before it flashes one.
public struct ReleaseConfig: Sendable, Equatable {
    /// The folder in which imported bundles are kept.
    public var store: String
    /// Certificates that releasers' certificates must lead to: a folder of PEM files, or one.
    public var roots: String
    /// Certificates that supervisors' certificates must lead to, as ``roots``; `nil` where no statement has to be signed.
    public var approvers: String?
    /// The public keys that images are signed with, as ``roots``; `nil` for none.
    public var imageKeys: String?
    /// The Central Products List; `nil` where that check is off.
    public var productsList: ProductsList?
    /// What makes an approval, a withdrawal or a check that is left out.
    public var statements: Statements
    /// Checks that are left out.
    public var checksOff: Set<PolicyCheck>
    /// Where the config says so, counted from 1.
    public var line: Int?

    /// Whose word counts.
    public enum Statements: String, Sendable, Codable, CaseIterable {
        /// Only a statement that a supervisor has signed.
        case signed
        /// Also the word of somebody who has the role on the socket; for checks that are left out, the config.
        case byRole = "by-role"
    }

    /// A table of products.
    public struct ProductsList: Sendable, Equatable {
        /// The file, CSV.
        public var path: String
        /// Names of columns that are not called as the values are, by value.
        public var columns: [String: String]
        /// What the status of an entry that counts is; `nil` for `Current`.
        public var current: String?

        public init(path: String, columns: [String: String] = [:], current: String? = nil) {
            self.path = path
            self.columns = columns
            self.current = current
        }
    }

    public init(
        store: String, roots: String, approvers: String? = nil, imageKeys: String? = nil, productsList: ProductsList? = nil,
        statements: Statements = .signed, checksOff: Set<PolicyCheck> = [], line: Int? = nil
    ) {
        self.store = store
        self.roots = roots
        self.approvers = approvers
        self.imageKeys = imageKeys
        self.productsList = productsList
        self.statements = statements
        self.checksOff = checksOff
        self.line = line
    }
}
