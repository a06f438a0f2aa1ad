/// What is wrong with a YAML file, and exactly where.
public struct ConfigError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file's path as it was given.
    public let file: String
    /// Counted from 1; `nil` when the file as a whole is meant.
    public let line: Int?
    /// The field's path from the top (`slots.A03`); empty when the file as a whole is meant.
    public let field: String
    /// What was expected and what was found.
    public let problem: String

    public init(file: String, line: Int?, field: String, problem: String) {
        self.file = file
        self.line = line
        self.field = field
        self.problem = problem
    }

    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return field.isEmpty ? "\(place): \(problem)" : "\(place): \(field): \(problem)"
    }
}
