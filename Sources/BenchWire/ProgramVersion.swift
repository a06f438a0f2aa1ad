/// The version of all programs of this package.
public enum ProgramVersion {
    /// Semantic version.
    public static let current = "0.1.0"
}
