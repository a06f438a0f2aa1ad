/// A check that can be switched off: by the bench's config, with a supervisor's statement where the bench asks for one. A check
/// that is off is said in every outcome, by this word.
public enum PolicyCheck: String, Hashable, Sendable, Codable, CaseIterable {
    /// The Central Products List has the image as current.
    case centralProductsList = "central-products-list"
    /// The unit's hardware version is in the release's range.
    case hardwareVersion = "hardware-version"
    /// The unit's model is the release's.
    case model
    /// The installed version is one that the release, or a step on the way to it, may be applied over.
    case startingVersion = "starting-version"
    /// The release is not older than what is installed.
    case downgrade
    /// The security counter of a variant never goes back on this bench.
    case securityCounter = "security-counter"
}
