/// The way from what is installed to a target: the approved steps that lead there, one after the other.
public enum UpgradePath {
    /// What is to be flashed, in this order; the last is `target` itself.
    ///
    /// A release that names the versions that it may be applied over may be applied over these alone, or over itself. The shortest
    /// way through the target's approved steps is taken.
    /// - Throws: the refusal `no-path` where none leads there.
    public static func steps(from installed: FirmwareVersion, to target: Target) throws(Refusal) -> [Target] {
        var ways: [[Target]] = [[target]]
        var reached: Set<FirmwareVersion> = [target.version]
        while !ways.isEmpty {
            if let way = ways.first(where: { $0[0].isApplicable(over: installed) }) { return way }
            var longer: [[Target]] = []
            for way in ways {
                for step in target.steps where way[0].over?.contains(step.version) == true && reached.insert(step.version).inserted {
                    longer.append([step] + way)
                }
            }
            ways = longer
        }
        throw Refusal(.noPath, "installed is \(installed); \(Self.described(target))")
    }

    private static func described(_ target: Target) -> String {
        ([target] + target.steps).map { step in
            "\(step.release) (\(step.version)) goes over \((step.over ?? []).map(\.description).joined(separator: ", "))"
        }.joined(separator: "; ")
    }
}

extension Target {
    /// Whether a unit with this version may be given it directly.
    fileprivate func isApplicable(over installed: FirmwareVersion) -> Bool {
        guard let over else { return installed <= version }
        return installed == version || over.contains(installed)
    }
}
