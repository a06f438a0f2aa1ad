internal import BenchModel
internal import Firmware

/// The two slots of one image, and what MCUboot makes of them at each boot (MCUboot `docs/design.md`, "Image swapping").
struct MCUbootSlots: Sendable {
    /// What the next boot is told to do with the secondary slot.
    enum Pending: UInt8, Sendable {
        case none, test, permanent
    }

    private(set) var slots: [SimulatedFlash]
    /// Which slot runs: always 0 where images are swapped.
    private(set) var active = 0
    /// `image_ok` of the image that runs: without it the next boot goes back.
    private(set) var isConfirmed = true
    private(set) var pending = Pending.none
    private let activation: ImageActivation
    /// Where `pending` and `isConfirmed` are kept between runs.
    private var trailer: SimulatedFlash

    init(file: (String) -> String?, name: String, activation: ImageActivation, firmware: [UInt8]) {
        self.activation = activation
        slots = [SimulatedFlash(file: file("\(name).bin")), SimulatedFlash(file: file("\(name)-secondary.bin"))]
        trailer = SimulatedFlash(file: file("\(name)-trailer.bin"))
        if slots[0].content.isEmpty { slots[0].replace(with: firmware) }
        if trailer.content.count == 2 {
            pending = Pending(rawValue: trailer.content[0]) ?? .none
            isConfirmed = trailer.content[1] == 1
        }
    }

    /// The slot that an upload goes to.
    var spare: Int { 1 - active }

    /// What the slot holds, where it is a whole image with the right hash.
    func image(_ slot: Int) -> MCUbootImage? {
        guard !slots[slot].content.isEmpty else { return nil }
        return try? MCUbootImage(MemoryBytes(slots[slot].content))
    }

    /// What a boot does. Nothing runs afterwards where there is no good image.
    mutating func boot() {
        defer { keepTrailer() }
        switch activation {
        case .swap:
            active = 0
            if pending != .none, image(1) != nil {
                slots.swapContents()
                isConfirmed = pending == .permanent
            } else if !isConfirmed, image(1) != nil {
                slots.swapContents()
                isConfirmed = true
            }
            pending = .none
        case .highestVersion:
            let versions = [0, 1].map { image($0)?.version.firmwareVersion }
            active = (versions[1] ?? FirmwareVersion(rawValue: 0)) > (versions[0] ?? FirmwareVersion(rawValue: 0)) ? 1 : 0
            if versions[active] == nil { active = versions[spare] == nil ? 0 : spare }
            isConfirmed = true
        }
    }

    mutating func set(_ pending: Pending) {
        self.pending = pending
        keepTrailer()
    }

    mutating func confirm() {
        isConfirmed = true
        keepTrailer()
    }

    mutating func erase(_ slot: Int) { slots[slot].erase() }
    mutating func append(_ bytes: [UInt8], to slot: Int) -> Bool { slots[slot].append(bytes) }
    mutating func flipBit(at offset: Int, in slot: Int) { slots[slot].flipBit(at: offset) }

    private mutating func keepTrailer() { trailer.replace(with: [pending.rawValue, isConfirmed ? 1 : 0]) }
}

extension [SimulatedFlash] {
    /// The contents of both change places; the files behind them follow.
    fileprivate mutating func swapContents() {
        let (first, second) = (self[0].content, self[1].content)
        self[0].replace(with: second)
        self[1].replace(with: first)
    }
}
