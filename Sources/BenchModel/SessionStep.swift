/// Where a session is in the life of a unit on the bench. The raw values are the words of the journal, the API and the page.
public enum SessionStep: String, Sendable, Codable, CaseIterable, Comparable {
    case identifying
    case checking
    case enteringBootloader = "entering-bootloader"
    case transferring
    case activating
    case rebooting
    case readingBack = "reading-back"

    public static func < (left: Self, right: Self) -> Bool {
        left.order < right.order
    }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// How far the present step has come, in bytes of the component being written or read back.
public struct StepProgress: Hashable, Sendable, Codable {
    /// The component's name (`application`).
    public var component: String
    /// Bytes that are through.
    public var doneBytes: Int
    /// Bytes of the whole component.
    public var totalBytes: Int

    public init(component: String, doneBytes: Int, totalBytes: Int) {
        self.component = component
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}
