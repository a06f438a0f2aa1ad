internal import BenchModel

/// Reads `logistics`: how a bench takes loads in, packs and returns them.
enum LogisticsReader {
    static func read(_ field: YAMLField, folder: String) throws(ConfigError) -> LogisticsConfig {
        let fields = try field.fields([
            "companyPrefix", "location", "namespace", "ssccExtension", "ssccFrom", "cartonCapacity", "palletCapacity", "minimumLoad",
            "expectedOnly", "capture", "returnRecord",
        ])
        let prefix = try fields.required("companyPrefix").value("a GS1 company prefix of 4 to 12 digits") { GS1CompanyPrefix($0) }
        let location = try fields.required("location").value("a GLN of 13 digits with its check digit") { GLN($0) }
        let namespace = try fields.required("namespace").value("a URI such as 'https://bench.example/reflash/', ending with '/'") { text in
            let isPlain = text.utf8.allSatisfy { (33...126).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }
            return text.hasPrefix("https://") && text.hasSuffix("/") && text.utf8.count > 9 && isPlain ? text : nil
        }
        var config = LogisticsConfig(companyPrefix: prefix, location: location, namespace: namespace)
        if let digit = fields["ssccExtension"] { config.ssccExtension = try digit.integer(in: 0...9) }
        if let serial = fields["ssccFrom"] { config.ssccFrom = try serial.integer(in: 0...999_999_999) }
        if let capacity = fields["cartonCapacity"] { config.cartonCapacity = try capacity.integer(in: 1...1000) }
        if let capacity = fields["palletCapacity"] { config.palletCapacity = try capacity.integer(in: 1...1000) }
        if let least = fields["minimumLoad"] { config.minimumLoad = try least.choice() }
        if let only = fields["expectedOnly"] { config.expectedOnly = try only.flag() }
        config.capture = try fields["capture"].map { field throws(ConfigError) in try capture(field, folder: folder) }
        if let columns = fields["returnRecord"] { config.returnColumns = try returnColumns(columns) }
        return config
    }

    private static func capture(_ field: YAMLField, folder: String) throws(ConfigError) -> CaptureTarget {
        let fields = try field.fields(["url", "tokenFile"])
        let token = try fields["tokenFile"].map { field throws(ConfigError) in TextFile.resolve(try field.text(), in: folder) }
        return CaptureTarget(url: try url(try fields.required("url")), tokenFile: token)
    }

    /// An address of a server; without TLS only on this machine.
    static func url(_ field: YAMLField) throws(ConfigError) -> String {
        try field.value("an address that begins with https:// (http:// for this machine only)") { text in
            let isPlain = text.utf8.allSatisfy { (33...126).contains($0) }
            let isLocal = ["http://localhost", "http://127.0.0.1", "http://[::1]"].contains { host in
                text.hasPrefix(host) && ["", ":", "/"].contains(text.dropFirst(host.count).prefix(1))
            }
            return isPlain && (isLocal || text.hasPrefix("https://") && text.utf8.count > 8) ? text : nil
        }
    }

    /// The columns of the return record: names, and what stands in each.
    private static func returnColumns(_ field: YAMLField) throws(ConfigError) -> [ReturnColumn] {
        var columns: [ReturnColumn] = []
        for (name, value) in try field.entries() { columns.append(ReturnColumn(name: name, field: try value.choice())) }
        guard !columns.isEmpty else { throw field.error("expected at least one column") }
        return columns
    }
}
