internal import BenchModel
internal import Protocols
public import Simulator

/// What a seed makes of a bench's day: its units, what goes wrong with them, and when the bench's power is cut.
public struct CampaignPlan: Sendable {
    public let seed: UInt64
    public let units: [UnitDescription]
    public let slots: Int
    /// Each cut: the store, counted from the start of the daemon before it, and whether that store is on the disk.
    public let powerCuts: [(store: Int, keepsLast: Bool)]
    public let imageBytes: Int

    static let targetVersion = FirmwareVersion(rawValue: 0x0002_012F)
    private static let olderVersion = FirmwareVersion(rawValue: 0x0002_0100)
    static let newer = FirmwareVersion(rawValue: 0x0002_0200)

    public init(seed: UInt64, units count: Int) {
        self.seed = seed
        var dice = Dice(seed)
        slots = count + 8
        imageBytes = dice.number(in: 1_000...8_000)
        let drawn = (1...count).map { Self.unit($0, of: count, &dice) }
        powerCuts = (0..<dice.number(in: 0...2)).map { _ in (dice.number(in: 1...(count * 12)), dice.chance(50)) }
        units = Self.withWindowsAndRefusals(Self.withSlowPages(drawn, seed), seed)
    }

    /// Pages of a 2G/3G unit's flash that take their time. Drawn apart and on one day of four, so that the seeds which found faults before
    /// keep their days.
    private static func withSlowPages(_ units: [UnitDescription], _ seed: UInt64) -> [UnitDescription] {
        var dice = Dice(seed ^ 0x5118)
        guard dice.chance(25) else { return units }
        return units.map { unit in
            guard unit.variant == .twoG3G, dice.chance(30) else { return unit }
            var unit = unit
            unit.faults.append(
                Fault(.slow, atBlock: dice.number(in: 0...40), value: "\(dice.number(in: 1...8_000))", times: dice.number(in: 1...6)))
            return unit
        }
    }

    /// Bootloaders that offer DFU at each boot, and SMP servers that say no. Drawn apart as well.
    private static func withWindowsAndRefusals(_ units: [UnitDescription], _ seed: UInt64) -> [UnitDescription] {
        var dice = Dice(seed ^ 0xDF0)
        guard dice.chance(25) else { return units }
        let requests = [OSGroup.Reset.name, ImageGroup.ReadState.name, ImageGroup.WriteState.name, "confirm", OSGroup.Info.name]
        return units.map { unit in
            guard dice.chance(20) else { return unit }
            var unit = unit
            switch unit.variant {
            case .fourG: unit.faults.append(Fault(.dfuWindow, value: "\(dice.number(in: 50...4_000))", times: nil))
            case .twoG3G:
                unit.faults.append(
                    Fault(
                        .errorStatus, request: requests[dice.number(in: 0...requests.count - 1)], status: "\(dice.number(in: 1...11))",
                        times: dice.number(in: 1...6)))
            }
            return unit
        }
    }

    static func chf(_ index: Int) -> EUI64 { EUI64(rawValue: 0x00DB_1234_5678_9000 + UInt64(index)) }

    private static func unit(_ index: Int, of count: Int, _ dice: inout Dice) -> UnitDescription {
        let variant: Variant = dice.chance(60) ? .fourG : .twoG3G
        let installed = dice.chance(10) ? targetVersion : dice.chance(3) ? newer : olderVersion
        let faults = dice.chance(35) ? (1...dice.number(in: 1...3)).map { _ in fault(variant, index, of: count, &dice) } : []
        return UnitDescription(
            variant: variant, chfId: chf(index), gpfId: EUI64(rawValue: UInt64(index)), model: "010A030B",
            hardwareVersion: HardwareVersion(dice.chance(3) ? "0201" : "0101") ?? HardwareVersion(rawValue: 0),
            firmware: variant == .fourG && dice.chance(5) ? .empty : .factory(installed),
            timing: UnitTiming(
                erase: .milliseconds(dice.number(in: 1...40)), program: .microseconds(dice.number(in: 100...20_000)),
                manifest: .milliseconds(dice.number(in: 1...500)), detach: .milliseconds(dice.number(in: 5...900)),
                reboot: .milliseconds(dice.number(in: 10...4_000))),
            transferSize: [64, 512, 1024, 2048, 4096][dice.number(in: 0...4)], manifestationTolerant: dice.chance(60), serial: line(&dice),
            faults: faults)
    }

    private static func line(_ dice: inout Dice) -> UnitDescription.SerialDescription {
        var line = UnitDescription.SerialDescription()
        line.baud = [115_200, 921_600, 3_000_000][dice.number(in: 0...2)]
        line.buffers = SMPBuffers(size: [256, 384, 1024, 2048][dice.number(in: 0...3)], count: dice.number(in: 1...4))
        line.isFrugal = dice.chance(30)
        return line
    }

    private static func fault(_ variant: Variant, _ index: Int, of count: Int, _ dice: inout Dice) -> Fault {
        let times = dice.chance(70) ? 1 : dice.number(in: 2...6)
        let byte = dice.number(in: 0...8_000)
        let block = dice.number(in: 0...12)
        func coming(_ dice: inout Dice) -> Fault {
            switch dice.number(in: 0...3) {
            case 0: Fault(.neverReturns, times: 1)
            case 1: Fault(.returnsAs, value: (dice.chance(30) ? chf(dice.number(in: 1...count)) : chf(1000 + index)).compact, times: 1)
            case 2: Fault(.returnsIn, value: Campaign.slot(dice.number(in: 1...count + 8)).label, times: 1)
            default: Fault(.wrongVersion, value: "00020130", times: nil)
            }
        }
        switch variant {
        case .fourG:
            let requests = DFURequest.allCases.map(\.name)
            let request = requests[dice.number(in: 0...requests.count - 1)]
            let states = ["dfuDNLOAD-SYNC", "dfuDNBUSY", "dfuDNLOAD-IDLE", "dfuMANIFEST-SYNC", "dfuMANIFEST", "dfuUPLOAD-IDLE", "dfuIDLE"]
            let state = states[dice.number(in: 0...6)]
            let bad: [Fault.Kind] = [.stall, .silence, .lineError]
            switch dice.number(in: 0...12) {
            case 0: return Fault(.unplug, atByte: byte, times: 1)
            case 1: return Fault(.unplug, inState: state, times: 1)
            case 2, 3: return Fault(bad[dice.number(in: 0...2)], atBlock: block, times: times)
            case 4, 5: return Fault(bad[dice.number(in: 0...2)], request: request, times: times)
            case 6: return Fault(.silence, inState: state, times: times)
            case 7:
                return Fault(
                    .errorStatus, atBlock: block, status: ["errPROG", "errFILE", "errUNKNOWN"][dice.number(in: 0...2)], times: times)
            case 8: return Fault(.bitFlip, atByte: byte, times: times)
            case 9:
                // A lie is told after each block, and kept to.
                guard dice.chance(50) else { return Fault(.pollTimeout, value: "\(dice.number(in: 1...200))", times: nil) }
                return Fault(.slow, atBlock: block, value: "\(dice.number(in: 1...3000))", times: times)
            case 10: return Fault(.shortUpload, atBlock: block, times: times)
            case 11: return hang(at: requests + ["GET_DESCRIPTOR"], &dice)
            default:
                guard dice.chance(30) else { return coming(&dice) }
                let kinds: [Fault.Kind] = [.truncatedDescriptors, .garbageDescriptors, .hugeDescriptors]
                return Fault(kinds[dice.number(in: 0...2)], value: "\(dice.number(in: 1...60))", times: nil)
            }
        case .twoG3G:
            let requests = [
                ImageGroup.Upload.name, ImageGroup.WriteState.name, ImageGroup.ReadState.name, OSGroup.Reset.name, OSGroup.Echo.name,
                OSGroup.Info.name, OSGroup.Parameters.name, "confirm",
            ]
            let request = requests[dice.number(in: 0...requests.count - 1)]
            let lines: [Fault.Kind] = [.lineLost, .lineDuplicated, .lineReordered, .lineCorrupted, .noise]
            switch dice.number(in: 0...12) {
            case 0: return Fault(.unplug, atByte: byte, times: 1)
            case 1: return Fault(.unplug, request: request, times: 1)
            case 2, 3: return Fault(.silence, request: request, times: times)
            case 4: return Fault(lines[dice.number(in: 0...4)], atBlock: dice.number(in: 0...200), times: times)
            case 5: return Fault(lines[dice.number(in: 0...4)], value: "\(dice.number(in: 1...60))/\(dice.number(in: 1...999))", times: nil)
            case 6: return Fault(.errorStatus, atBlock: block, times: times)
            case 7: return Fault(.bitFlip, atByte: byte, times: times)
            case 8:
                return Fault(
                    dice.chance(50) ? .wrongOffset : .wrongSequence, atBlock: block, value: "\(dice.number(in: -600...600))", times: times)
            case 9: return Fault(.smallBuffers, value: "\(dice.number(in: 130...400))", times: nil)
            case 10: return Fault(.confirmLost, times: times)
            case 11: return hang(at: requests, &dice)
            default: return coming(&dice)
            }
        }
    }

    /// Until its port is reset, or its power was off.
    private static func hang(at requests: [String], _ dice: inout Dice) -> Fault {
        Fault(.hang, request: requests[dice.number(in: 0...requests.count - 1)], value: dice.chance(50) ? "power" : nil, times: 1)
    }
}

/// Draws from a seeded generator.
struct Dice: Sendable {
    private var generator: SplitMix64

    init(_ seed: UInt64) { generator = SplitMix64(state: seed) }

    mutating func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    mutating func chance(_ percent: Int) -> Bool { number(in: 0...99) < percent }
}
