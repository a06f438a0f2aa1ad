internal import BenchModel

extension BenchConfigFile {
    /// Where releases are kept, whom the bench believes, and what it asks for.
    static func releases(_ field: YAMLField, folder: String) throws(ConfigError) -> ReleaseConfig {
        let fields = try field.fields(["store", "trust", "centralProductsList", "statements", "checksOff"])
        let trust = try fields.required("trust").fields(["roots", "approvers", "imageKeys"])
        func path(_ field: YAMLField?) throws(ConfigError) -> String? {
            guard let field else { return nil }
            return TextFile.resolve(try field.text(), in: folder)
        }
        var config = ReleaseConfig(
            store: TextFile.resolve(try fields.required("store").text(), in: folder),
            roots: TextFile.resolve(try trust.required("roots").text(), in: folder), approvers: try path(trust["approvers"]),
            imageKeys: try path(trust["imageKeys"]), line: field.line)
        if let list = fields["centralProductsList"] { config.productsList = try productsList(list, folder: folder) }
        if let statements = fields["statements"] { config.statements = try statements.choice() }
        if let checks = fields["checksOff"] {
            for check in try checks.items() {
                guard config.checksOff.insert(try check.choice()).inserted else { throw check.error("the check is given twice") }
            }
        }
        guard config.statements == .byRole || config.approvers != nil else {
            throw field.error(
                "expected trust.approvers, whose certificates sign approvals; or 'statements: by-role', where the role on the socket is enough"
            )
        }
        guard config.productsList != nil || config.checksOff.contains(.centralProductsList) else {
            throw field.error("expected centralProductsList, or central-products-list under checksOff; every outcome then says so")
        }
        return config
    }

    private static func productsList(_ field: YAMLField, folder: String) throws(ConfigError) -> ReleaseConfig.ProductsList {
        guard field.isMapping else { return ReleaseConfig.ProductsList(path: TextFile.resolve(try field.text(), in: folder)) }
        let fields = try field.fields(["file", "columns", "current"])
        var list = ReleaseConfig.ProductsList(path: TextFile.resolve(try fields.required("file").text(), in: folder))
        let names = ["manufacturer", "model", "hardwareVersion", "firmwareVersion", "manufacturerImageHash", "status"]
        if let columns = try fields["columns"]?.fields(Set(names)) {
            for name in names {
                if let column = columns[name] { list.columns[name] = try column.text() }
            }
        }
        list.current = try fields["current"]?.text()
        return list
    }

    /// Who has which role.
    static func roles(_ field: YAMLField) throws(ConfigError) -> [Role: [RoleRules.Member]] {
        var roles: [Role: [RoleRules.Member]] = [:]
        for (name, value) in try field.entries() {
            guard let role = Role(rawValue: name) else {
                throw value.error("expected one of \(Role.allCases.map(\.rawValue).joined(separator: ", ")), found '\(name)'")
            }
            var members: [RoleRules.Member] = []
            for item in try value.items() { members.append(try item.value("'user NAME', 'group NAME' or everyone") { .init($0) }) }
            roles[role] = members
        }
        return roles
    }
}
