public import BenchModel

/// Finds out which port is behind which label: a technician plugs a unit into slot after slot, and what appears belongs to the slot that is
/// being asked for.
public struct SlotWalk: Sendable {
    /// What was found so far, in the order of the walk.
    public private(set) var places: [SlotPlace] = []
    private var labels: ArraySlice<SlotID>
    private var present: Set<PortPath>?

    /// `labels`: as they are printed on the rack, in the order in which they are walked.
    public init(_ labels: [SlotID]) { self.labels = labels[...] }

    /// The slot to plug a unit into now; `nil` at the end.
    public var current: SlotID? { labels.first }

    /// What a look at the dock told.
    public enum Finding: Hashable, Sendable {
        /// The slot's port, and the device that showed it.
        case found(SlotID, DockedDevice)
        /// A unit was plugged into a slot that has its port already.
        case known(SlotID, PortPath)
    }

    /// Takes a look at the dock; the first one tells what was there before, which says nothing.
    public mutating func sees(_ devices: [DockedDevice]) -> [Finding] {
        let ports = Set(devices.map(\.port))
        defer { present = ports }
        guard let before = present else { return [] }
        var findings: [Finding] = []
        for port in ports.subtracting(before).sorted(by: { $0.idPath < $1.idPath }) {
            if let known = places.first(where: { $0.port == port }) {
                findings.append(.known(known.slot, port))
            } else if let slot = labels.popFirst() {
                let here = devices.filter { $0.port == port }.sorted { ($0.interface ?? 0) < ($1.interface ?? 0) }
                // Of several ttys the first is the console, as far as one can tell. A slot without a number means interface 0 alone.
                let ttys = here.filter(\.isTTY)
                let interface = ttys.first?.interface.flatMap { ttys.count > 1 || $0 != 0 ? $0 : nil }
                places.append(SlotPlace(slot: slot, port: port, interface: interface))
                findings.append(.found(slot, here[0]))
            }
        }
        return findings
    }

    /// Leaves the current slot out, a port that does not work say.
    public mutating func skip() -> SlotID? { labels.popFirst() }

    /// The map as it goes into a bench's config.
    public var yaml: String {
        "slots:\n" + places.map { "  \($0.slot): \(Self.value($0))\n" }.joined()
    }

    /// A place as a slot's value in a bench's config.
    public static func value(_ place: SlotPlace) -> String {
        place.interface.map { "{port: '\(place.port)', interface: \($0)}" } ?? place.port.idPath
    }
}

extension SlotWalk {
    /// Reads labels as people write them: `A01-A16,B01`. A range counts the digits at its end, with as many digits.
    /// - Returns: `nil` for what is no list of labels, or names one twice.
    public static func labels(_ text: String) -> [SlotID]? {
        var labels: [SlotID] = []
        for part in text.split(separator: ",") {
            let part = part.filter { $0 != " " }
            if let slot = range(part) { labels += slot } else if let slot = SlotID(part) { labels.append(slot) } else { return nil }
        }
        return labels.isEmpty || Set(labels).count < labels.count ? nil : labels
    }

    private static func range(_ text: String) -> [SlotID]? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let (prefix, first, width) = counted(ends[0]), let (other, last, _) = counted(ends[1]), prefix == other,
            first <= last, last - first < 1000
        else { return nil }
        return (first...last).compactMap { number in
            let digits = String(number)
            return SlotID(prefix + String(repeating: "0", count: max(0, width - digits.count)) + digits)
        }
    }

    private static func counted(_ label: Substring) -> (prefix: String, number: Int, width: Int)? {
        let digits = label.reversed().prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count < label.count, let number = Int(String(digits.reversed())) else { return nil }
        return (String(label.dropLast(digits.count)), number, digits.count)
    }
}
