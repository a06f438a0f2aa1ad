/// What a bad line does to the lines of one direction: loses, doubles, swaps and damages them, and adds noise.
struct LineFaults: Sendable {
    /// The byte that ends a line or a frame; `nil` where nothing does: then what comes in one go is one.
    private let delimiter: UInt8?
    private var partial: [UInt8] = []
    /// A line that is to come after the next one.
    private var held: [UInt8]?
    private var count = 0
    private var random: [Fault.Kind: SplitMix64] = [:]

    init(delimiter: UInt8?) { self.delimiter = delimiter }

    /// Passes bytes on, as the faults let them through.
    mutating func pass(_ bytes: [UInt8], _ faults: inout FaultPlan) -> [UInt8] {
        guard faults.hasLineFaults || !partial.isEmpty || held != nil else { return bytes }
        guard delimiter != nil else { return line(bytes, &faults) }
        var passed: [UInt8] = []
        for byte in bytes {
            partial.append(byte)
            guard byte == delimiter else { continue }
            passed += line(partial, &faults)
            partial = []
        }
        return passed
    }

    private mutating func line(_ line: [UInt8], _ faults: inout FaultPlan) -> [UInt8] {
        defer { count += 1 }
        if strikes(.lineLost, &faults) { return release() }
        var line = line
        if strikes(.lineCorrupted, &faults) { damage(&line) }
        if strikes(.lineReordered, &faults), held == nil {
            held = line
            return []
        }
        var passed = line
        if strikes(.lineDuplicated, &faults) { passed += line }
        if strikes(.noise, &faults) { passed += Array("[00:00:01.234,567] <wrn> radio: rssi -97\r\n".utf8) }
        return passed + release()
    }

    private mutating func release() -> [UInt8] { held.take() ?? [] }

    private mutating func damage(_ line: inout [UInt8]) {
        guard line.count > 1 else { return }
        var generator = random[.lineCorrupted] ?? SplitMix64(state: UInt64(count))
        line[Int.random(in: 0..<line.count - 1, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
        random[.lineCorrupted] = generator
    }

    /// Whether the fault hits this line: the one with its number, or by chance where its value is `PER-MILLE/SEED`.
    private mutating func strikes(_ kind: Fault.Kind, _ faults: inout FaultPlan) -> Bool {
        guard let fault = faults.lasting(kind) else { return false }
        if let chance = fault.value.flatMap({ Chance($0) }) {
            var generator = random[kind] ?? SplitMix64(state: chance.seed ^ UInt64(delimiter ?? 0xFF))
            defer { random[kind] = generator }
            return Int.random(in: 0..<1000, using: &generator) < chance.perMille
        }
        let here = count
        return faults.take(kind) { $0.atBlock.map { $0 == here } ?? true } != nil
    }

    /// `20/7`: 20 in a thousand, drawn from seed 7.
    private struct Chance {
        let perMille: Int
        let seed: UInt64

        init?(_ text: String) {
            let parts = text.split(separator: "/")
            guard parts.count == 2, let perMille = Int(parts[0]), let seed = UInt64(parts[1]) else { return nil }
            (self.perMille, self.seed) = (perMille, seed)
        }
    }
}

extension FaultPlan {
    var hasLineFaults: Bool {
        faults.contains { [.lineLost, .lineDuplicated, .lineReordered, .lineCorrupted, .noise].contains($0.kind) }
    }
}
