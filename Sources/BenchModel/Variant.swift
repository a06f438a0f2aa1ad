/// Which Communications Hub a unit is: the 2G/3G one is docked over serial, the 4G one over USB.
public enum Variant: String, Hashable, Sendable, Codable, CaseIterable, CustomStringConvertible {
    case twoG3G = "2G/3G"
    case fourG = "4G"

    public var description: String { rawValue }
}
