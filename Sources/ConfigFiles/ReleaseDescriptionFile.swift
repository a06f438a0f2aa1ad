internal import BenchModel
public import Firmware

/// Reads what a releaser says of a release. Paths in it are relative to the file's own folder.
public enum ReleaseDescriptionFile {
    /// `now` is when the release is made, where the file does not say.
    /// - Throws: ``ConfigError`` naming the file, the line and the field of the first mistake.
    public static func load(_ path: String, now: String) throws(ConfigError) -> ReleaseDraft {
        let top = try YAMLField(text: try TextFile.read(path), file: path).fields(["release", "issuedAt", "notAfter", "variants"])
        let folder = TextFile.folder(of: path)
        var variants: [ReleaseDraft.VariantDraft] = []
        for (name, field) in try top.required("variants").entries() {
            guard let variant = Variant(rawValue: name) else {
                throw field.error("expected one of \(Variant.allCases.map(\.rawValue).joined(separator: ", ")), found '\(name)'")
            }
            variants.append(try self.variant(variant, field, folder: folder))
        }
        return ReleaseDraft(
            release: try top.required("release").text(), issuedAt: try top["issuedAt"]?.text() ?? now,
            notAfter: try top.required("notAfter").text(), variants: variants)
    }

    private static func variant(
        _ variant: Variant, _ field: YAMLField, folder: String
    ) throws(ConfigError) -> ReleaseDraft.VariantDraft {
        let fields = try field.fields([
            "version", "manufacturer", "model", "hardware", "securityCounter", "centralProductsListEntry", "over", "components",
        ])
        func version(_ field: YAMLField) throws(ConfigError) -> FirmwareVersion {
            try field.value("a firmware version of 8 hex digits") { FirmwareVersion($0) }
        }
        var over: [FirmwareVersion]?
        if let list = fields["over"] {
            over = []
            for item in try list.items() { over?.append(try version(item)) }
        }
        var components: [ReleaseDraft.ComponentDraft] = []
        for (name, field) in try fields.required("components").entries() {
            components.append(try component(name, field, folder: folder))
        }
        return ReleaseDraft.VariantDraft(
            variant: variant, version: try version(try fields.required("version")),
            manufacturer: try fields.required("manufacturer").text(), model: try fields.required("model").text(),
            hardware: try fields.required("hardware").value("a range such as 0100-01FF", HardwareVersion.range),
            securityCounter: UInt32(try fields.required("securityCounter").integer(in: 0...Int(UInt32.max))),
            centralProductsListEntry: try fields["centralProductsListEntry"]?.text(), over: over.map { Array(Set($0)).sorted() },
            components: components)
    }

    private static func component(
        _ name: String, _ field: YAMLField, folder: String
    ) throws(ConfigError) -> ReleaseDraft.ComponentDraft {
        let fields = try field.fields(["image", "signatures", "place"])
        var signatures: [ReleaseManifest.ImageSignature]?
        if let list = fields["signatures"] {
            signatures = []
            for item in try list.items() {
                signatures?.append(
                    try item.value("one of \(ReleaseManifest.ImageSignature.allCases.map(\.rawValue).joined(separator: ", "))") {
                        ReleaseManifest.ImageSignature(rawValue: $0)
                    })
            }
        }
        return ReleaseDraft.ComponentDraft(
            name: name, path: TextFile.resolve(try fields.required("image").text(), in: folder), signatures: signatures,
            place: try fields["place"]?.integer(in: 0...255))
    }
}
