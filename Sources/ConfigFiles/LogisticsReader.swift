internal import BenchModel

/// Reads `logistics`: how a bench takes loads in, packs and returns them.
enum LogisticsReader {
    static func read(_ field: YAMLField) throws(ConfigError) -> LogisticsConfig {
        let fields = try field.fields([
            "companyPrefix", "location", "namespace", "ssccExtension", "ssccFrom", "cartonCapacity", "palletCapacity", "minimumLoad",
            "expectedOnly",
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
        return config
    }
}
