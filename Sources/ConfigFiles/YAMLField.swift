import BenchModel
internal import Yams

/// One place in a YAML document, which knows its line and its path, so that whatever is wrong with it can be said precisely.
///
/// Reading is strict: an unknown key, a key given twice, a missing key and a value of another type are errors.
public struct YAMLField {
    private let file: String
    private let node: Node
    /// The path from the top, `profiles.hub-4g.bounds`.
    public let path: String

    /// Reads a document whose top is a mapping.
    /// - Throws: ``ConfigError`` where the text is not YAML.
    public init(text: String, file: String) throws(ConfigError) {
        let composed: Node?
        do {
            composed = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw Self.explained(error, file: file)
        } catch {
            throw ConfigError(file: file, line: nil, field: "", problem: "not readable as YAML: \(error)")
        }
        guard let node = composed else {
            throw ConfigError(file: file, line: nil, field: "", problem: "the file is empty")
        }
        self.init(file: file, node: node, path: "")
    }

    private init(file: String, node: Node, path: String) {
        self.file = file
        self.node = node
        self.path = path
    }

    /// Whether it has fields.
    public var isMapping: Bool { if case .mapping = node { true } else { false } }

    /// The line that it begins on, counted from 1.
    public var line: Int? { node.mark?.line }

    /// The error that something is wrong with this very place.
    public func error(_ problem: String) -> ConfigError {
        ConfigError(file: file, line: node.mark?.line, field: path, problem: problem)
    }

    /// The fields of a mapping, of which no other keys than `keys` are allowed.
    public func fields(_ keys: Set<String>) throws(ConfigError) -> YAMLMapping {
        let mapping = YAMLMapping(owner: self, entries: try entries())
        for entry in mapping.entries where !keys.contains(entry.key) {
            throw entry.value.error("unknown key '\(entry.key)'; known here: \(keys.sorted().joined(separator: ", "))")
        }
        return mapping
    }

    /// The entries of a mapping with free keys, in the order of the file.
    public func entries() throws(ConfigError) -> [(key: String, value: YAMLField)] {
        guard case .mapping(let mapping) = node else { throw error("expected a mapping, found \(found)") }
        var entries: [(key: String, value: YAMLField)] = []
        var seen: Set<String> = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else { throw error("expected a plain key") }
            let child = YAMLField(
                file: file, node: value, path: path.isEmpty ? scalar.string : "\(path).\(scalar.string)")
            guard seen.insert(scalar.string).inserted else { throw child.error("the key is given twice") }
            entries.append((scalar.string, child))
        }
        return entries
    }

    /// The items of a list.
    public func items() throws(ConfigError) -> [YAMLField] {
        guard case .sequence(let sequence) = node else { throw error("expected a list, found \(found)") }
        return sequence.enumerated().map { YAMLField(file: file, node: $1, path: "\(path)[\($0)]") }
    }

    /// The text of a scalar, whatever it looks like: `0002012F` stays text.
    public func text() throws(ConfigError) -> String {
        guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
            throw error("expected a value, found \(found)")
        }
        return scalar.string
    }

    /// A scalar that `read` understands.
    public func value<Value>(_ expected: String, _ read: (String) -> Value?) throws(ConfigError) -> Value {
        let text = try text()
        guard let value = read(text) else { throw error("expected \(expected), found '\(text)'") }
        return value
    }

    /// A whole number in `range`.
    public func integer(in range: ClosedRange<Int>) throws(ConfigError) -> Int {
        try value("a whole number from \(range.lowerBound) to \(range.upperBound)") {
            Int($0).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A duration such as `250 ms`, `5 s` or `2 min`.
    public func duration() throws(ConfigError) -> Duration {
        try value("a duration such as '250 ms', '5 s' or '2 min'", Self.duration)
    }

    /// A number of bytes such as `512`, `4 KiB` or `16 MiB`.
    public func byteCount() throws(ConfigError) -> Int {
        try value("a number of bytes such as '512', '4 KiB' or '16 MiB'", Self.byteCount)
    }

    /// `true` or `false`.
    public func flag() throws(ConfigError) -> Bool {
        try value("true or false") { Bool($0) }
    }

    /// One of an enumeration's words.
    public func choice<Value: RawRepresentable & CaseIterable>() throws(ConfigError) -> Value where Value.RawValue == String {
        try value("one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))") { Value(rawValue: $0) }
    }

    private var found: String {
        switch node {
        case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    private static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = split(text), number >= 0, number <= 86_400_000 else { return nil }
        return switch unit {
        case "us": .microseconds(number)
        case "ms": .milliseconds(number)
        case "s": .seconds(number)
        case "min": .seconds(number * 60)
        default: nil
        }
    }

    private static func byteCount(_ text: String) -> Int? {
        guard let (number, unit) = split(text), (0...(1 << 40)).contains(number) else { return nil }
        return switch unit {
        case "", "B": number
        case "KiB": number << 10
        case "MiB": number << 20
        default: nil
        }
    }

    private static func split(_ text: String) -> (Int, String)? {
        let digits = text.prefix { $0.isNumber }
        guard let number = Int(digits) else { return nil }
        return (number, String(text.dropFirst(digits.count).drop { $0 == " " }))
    }

    private static func explained(_ error: YamlError, file: String) -> ConfigError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ConfigError(file: file, line: mark.line, field: "", problem: "not readable as YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            ConfigError(
                file: file, line: context.mark.line, field: "",
                problem: "the key is given twice: \(duplicates.joined(separator: ", "))")
        default:
            ConfigError(file: file, line: nil, field: "", problem: "not readable as YAML: \(error)")
        }
    }
}

/// The fields of one YAML mapping.
public struct YAMLMapping {
    /// The mapping itself, for errors about the whole of it.
    public let owner: YAMLField
    let entries: [(key: String, value: YAMLField)]

    /// The field, or `nil` when it is not there.
    public subscript(key: String) -> YAMLField? {
        entries.first { $0.key == key }?.value
    }

    /// The field, or the error that it is missing.
    public func required(_ key: String) throws(ConfigError) -> YAMLField {
        guard let field = self[key] else { throw owner.error("the key '\(key)' is missing") }
        return field
    }
}
