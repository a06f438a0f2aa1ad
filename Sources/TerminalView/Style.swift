/// Whether and how text is coloured. Text is laid out first and coloured after, so that widths count what is seen.
public struct Style: Sendable {
    /// Whether there is colour.
    public let isColoured: Bool

    public init(isColoured: Bool) { self.isColoured = isColoured }

    /// Select Graphic Rendition parameters, ECMA-48 §8.3.117.
    enum Colour: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    func paint(_ text: String, _ colour: Colour?) -> String {
        guard isColoured, let colour else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }
}

extension String {
    /// Filled with spaces to `width`, or cut there.
    func fitted(_ width: Int) -> String {
        count > width ? String(prefix(max(0, width - 1))) + "…" : self + String(repeating: " ", count: width - count)
    }
}
