public import Bench
public import BenchModel
internal import Dock
internal import Firmware
internal import Foundation
internal import Journal
internal import Links
internal import Logging
internal import Simulator
internal import Synchronization

/// Plays a failure capsule: the session of today over the wire of then, in virtual time and without the unit.
///
/// `try await CapsuleReplay.of("Tests/Data/capsules/12.capsule.json").expectSame()` is a whole test.
public struct CapsuleReplay: Sendable {
    /// What was recorded.
    public let capsule: Capsule
    /// How the session ends now; `nil` where it came to no end.
    public let verdict: Verdict?
    /// Where the session asked for something else than was recorded.
    public let divergence: String?

    /// Plays the capsule of a file.
    /// - Throws: where it can't be read.
    public static func of(_ path: String) async throws -> CapsuleReplay {
        try await of(try JSONDecoder().decode(Capsule.self, from: Data(contentsOf: URL(filePath: path))))
    }

    /// Plays a capsule.
    public static func of(_ capsule: Capsule) async throws -> CapsuleReplay {
        guard capsule.format == Capsule.formatName, capsule.transcript.elided == 0 else {
            throw ReplayError(
                description: "expected a whole \(Capsule.formatName), found \(capsule.format), elided \(capsule.transcript.elided)")
        }
        let time = VirtualTime(seed: 1)
        let player = Player(capsule, time)
        let verdict = try await time.run { try await play(capsule, player, time) }
        return CapsuleReplay(capsule: capsule, verdict: verdict, divergence: player.divergence)
    }

    /// - Throws: ``ReplayError`` where the session took another way or came to another end.
    public func expectSame() throws {
        let (then, now) = (capsule.verdict, verdict)
        guard divergence == nil, now?.outcome == then.outcome, now?.reason == then.reason else {
            throw ReplayError(
                description: "expected \(then.outcome) \(then.reason?.rawValue ?? "") (\(then.detail ?? "")), "
                    + "found \(now.map { "\($0.outcome) \($0.reason?.rawValue ?? "") (\($0.detail ?? ""))" } ?? "no end"); \(divergence ?? "")"
            )
        }
    }

    private static func play(_ capsule: Capsule, _ player: Player, _ time: VirtualTime) async throws -> Verdict? {
        let place = SlotPlace(slot: capsule.slot, port: capsule.device.port, interface: capsule.device.interface)
        let config = BenchConfig(
            name: "replay", journal: "", socket: "", limits: BenchLimits(drain: .zero), profiles: [player.profile],
            releases: ReleaseConfig(store: "", roots: ""),
            slots: [place])
        var target = capsule.target.map { $0.target(capsule.profile.variant) }
        target?.approval = 1
        let journal = try Journal(try JournalMemory(), lane: time.lane("journal", controller: nil), clock: time)
        if capsule.hadOpenQuestion, let target {
            let started = JournalEvent.SessionStarted(
                unit: BenchModel.Unit(chfId: capsule.chfId), profile: capsule.profile.name, mode: .runtime, target: target, checksOff: [])
            let number = try await journal.append(JournalDraft(.sessionStarted(started), slot: capsule.slot, unit: capsule.chfId)).number
            try await journal.append(
                JournalDraft(.outcome(Verdict(.unknown, reason: .benchStopped)), slot: capsule.slot, unit: capsule.chfId, session: number))
        }
        var logger = Logger(label: "replay")
        logger.logLevel = .critical
        let bench = try await BenchController(
            config, journal: journal, targets: GivenTargets(target.map { [$0] } ?? []), admission: AdmitAll(), opener: ReplayLinks(player),
            clock: time, lanes: time, logger: logger)
        let (looks, continuation) = AsyncStream<[DockedDevice]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let running = Task(executorPreference: time.lane("run", controller: nil)) { await bench.run(looks) }
        // Sequence numbers begin with the clock.
        try await time.sleep(until: max(time.now, .nanoseconds(capsule.beganAt)))
        player.start { continuation.yield($0) }
        let deadline = time.now + .seconds(3600)
        while bench.board.slot(capsule.slot)?.verdict == nil, time.now < deadline, !player.isCut {
            try await time.sleep(for: .milliseconds(100))
        }
        let isOver = bench.board.slot(capsule.slot)?.verdict != nil || player.isCut
        continuation.finish()
        running.cancel()
        await bench.stop()
        return isOver ? bench.board.slot(capsule.slot)?.verdict : nil
    }
}

/// Why a capsule can't be played, or came to another end.
public struct ReplayError: Error, CustomStringConvertible {
    public let description: String
}

extension CapsuleTarget {
    /// The target with other bytes in it, as long as the real ones.
    fileprivate func target(_ variant: Variant) -> Target {
        var target = Target(
            release: release, manifestHash: manifestHash, variant: variant, version: version, hardware: nil, over: over,
            components: components.map { component in
                let content = Zeros(count: component.lengthBytes)
                let boot = component.bootHash.flatMap { Hex.bytes($0) }.flatMap { hash in
                    component.bootVersion.map { TargetComponent.BootImage(hash: hash, version: $0) }
                }
                return TargetComponent(
                    name: component.name, hash: SHA256Value.of([UInt8](repeating: 0, count: component.lengthBytes)), content: content,
                    bootImage: boot)
            })
        target.steps = steps.map { $0.target(variant) }
        return target
    }
}

private struct Zeros: ComponentContent {
    let count: Int

    func append(_ range: Range<Int>, to buffer: inout [UInt8]) { buffer.append(contentsOf: repeatElement(0, count: range.count)) }
}

/// Gives what was recorded, one exchange after the other, and tells the dock's news between them.
private final class Player: Sendable {
    /// The capsule's, and one that knows the device where the slot had named the profile.
    let profile: DeviceProfile
    private let first: DockedDevice
    /// Whether the bench was cut off in the middle: then it is again where the transcript ends.
    private let endsCut: Bool
    private let time: VirtualTime
    private let lane: Lane
    private let state: Mutex<State>

    private struct State {
        var left: ArraySlice<Exchange>
        var divergence: String?
        var show: @Sendable ([DockedDevice]) -> Void = { _ in }
    }

    init(_ capsule: Capsule, _ time: VirtualTime) {
        self.time = time
        var profile = capsule.profile
        first = capsule.device.docked
        endsCut = capsule.verdict.reason == .benchStopped
        if profile.runtime.isEmpty, profile.smp != nil { profile.runtime = first.properties }
        self.profile = profile
        lane = time.lane("replay", controller: nil)
        state = Mutex(State(left: Self.exchanges(of: capsule)[...]))
    }

    /// Those of a capsule without a second question for an open device's language, once it was answered: earlier benches asked before each string.
    private static func exchanges(of capsule: Capsule) -> [Exchange] {
        var isKnown = false
        return capsule.transcript.exchanges.filter { exchange in
            if exchange.kind == .open { isKnown = false }
            guard exchange.asksForLanguage, exchange.error == nil else { return true }
            defer { isKnown = true }
            return !isKnown
        }
    }

    var divergence: String? { state.withLock { $0.divergence } }

    var isCut: Bool { endsCut && state.withLock { $0.left.isEmpty } }

    func start(_ show: @escaping @Sendable ([DockedDevice]) -> Void) {
        state.withLock { $0.show = show }
        show([first])
        tell(after: 0)
    }

    /// The next exchange, which must be of this kind, once it has taken as long as it took.
    /// - Throws: ``ReplayError`` where something else was recorded.
    func next(_ kind: Exchange.Kind, _ what: String = "", where fits: (Exchange) -> Bool = { _ in true }) async throws -> Exchange {
        tell(after: nil)
        // Under way when the bench was cut off: no answer is known.
        while isCut { try await time.sleep(for: .seconds(1)) }
        let taken: Exchange? = state.withLock { state in
            guard let next = state.left.first, next.kind == kind, fits(next) else {
                let found = state.left.first.map { "\($0.kind.rawValue) \($0.request ?? 0) \($0.value ?? 0) at \($0.at) ns" } ?? "the end"
                state.divergence = state.divergence ?? "expected \(found), found \(kind.rawValue) \(what)"
                return nil
            }
            return state.left.removeFirst()
        }
        guard let taken else { throw ReplayError(description: "the replay has diverged") }
        if taken.took > 0 { try? await time.sleep(for: .nanoseconds(taken.took)) }
        tell(after: taken.at + taken.took)
        return taken
    }

    /// Tells the dock's news that come next: at their time after an exchange, or at once where the next one is asked for already.
    private func tell(after end: Int64?) {
        let (news, show) = state.withLock { state in
            let news = state.left.prefix { $0.kind == .arrived || $0.kind == .left }
            state.left.removeFirst(news.count)
            return (Array(news), state.show)
        }
        for event in news {
            let look = event.device.map { [$0.docked] } ?? []
            let wait = end.map { max(0, event.at - $0) } ?? 0
            Task(executorPreference: lane) { [time] in
                try? await time.sleep(for: .nanoseconds(wait))
                show(look)
            }
        }
    }
}

private struct ReplayLinks: DeviceOpener {
    let player: Player

    init(_ player: Player) { self.player = player }

    func open(_ device: DockedDevice) async throws(USBError) -> any USBDevice {
        let exchange = try await player.usb(.open)
        guard let descriptors = exchange.descriptors else { throw USBError(.io, "the capsule has no descriptors") }
        return ReplayDevice(descriptors, player)
    }

    func openHub(above device: DockedDevice) async throws(USBError) -> (hub: any USBDevice, port: UInt8)? {
        let exchange = try await player.usb(.openHub)
        guard let descriptors = exchange.descriptors, let port = exchange.index else { return nil }
        return (ReplayDevice(descriptors, player), UInt8(port))
    }

    func openUSB(below tty: DockedDevice) async throws(USBError) -> (any USBDevice)? {
        try await player.usb(.openUSB).descriptors.map { ReplayDevice($0, player) }
    }

    func openLine(_ device: DockedDevice, _ settings: LineSettings, timeout: Duration) async throws(SerialError) -> any SerialPort {
        ReplayPort(capacity: try await player.serial(.openLine).length ?? 4096, player)
    }
}

extension Player {
    /// `sent`: bytes of the data stage, where something is sent.
    func usb(_ kind: Exchange.Kind, _ request: ControlRequest? = nil, sent: Int? = nil) async throws(USBError) -> Exchange {
        let exchange: Exchange
        do {
            exchange = try await next(kind, request.map { "\($0)" } ?? "") { found in
                guard let request else { return true }
                return found.request == UInt16(request.type) << 8 | UInt16(request.request) && found.value == request.value
                    && (sent ?? found.length) == found.length
            }
        } catch is CancellationError {
            throw USBError(.cancelled, "the transcript ends")
        } catch { throw USBError(.io, "\(error)") }
        if let code = exchange.error { throw USBError(USBErrorCode(rawValue: code) ?? .io, exchange.sentence ?? "") }
        return exchange
    }

    /// `sent`: bytes, where something is sent.
    func serial(_ kind: Exchange.Kind, sent: Int? = nil) async throws(SerialError) -> Exchange {
        let exchange: Exchange
        do {
            exchange = try await next(kind, sent.map { "\($0) bytes" } ?? "") { sent == nil || $0.length == sent }
        } catch is CancellationError {
            throw SerialError(.cancelled, "the transcript ends")
        } catch { throw SerialError(.io, "\(error)") }
        if let code = exchange.error { throw SerialError(SerialErrorCode(rawValue: code) ?? .io, exchange.sentence ?? "") }
        return exchange
    }
}

private final class ReplayDevice: USBDevice {
    let descriptors: USBDescriptors
    private let player: Player

    init(_ descriptors: USBDescriptors, _ player: Player) {
        self.descriptors = descriptors
        self.player = player
    }

    func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) {
        _ = try await player.usb(.controlOut, request, sent: data.count)
    }

    func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8] {
        let exchange = try await player.usb(.controlIn, request)
        if exchange.isImage == true { return [UInt8](repeating: 0, count: exchange.length ?? 0) }
        if exchange.isOther == true { return [UInt8](repeating: 0xFF, count: exchange.length ?? 0) }
        return exchange.data.flatMap { Hex.bytes($0) } ?? []
    }

    func claim(interface: UInt8) async throws(USBError) { _ = try await player.usb(.claim) }

    func select(alternate: UInt8, of interface: UInt8) async throws(USBError) { _ = try await player.usb(.select) }

    func reset() async throws(USBError) { _ = try await player.usb(.reset) }

    func close() async {}
}

private final class ReplayPort: SerialPort {
    let capacity: Int
    private let player: Player

    init(capacity: Int, _ player: Player) {
        self.capacity = capacity
        self.player = player
    }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError) { _ = try await player.serial(.write, sent: bytes.count) }

    func read(timeout: Duration) async throws(SerialError) -> [UInt8] {
        try await player.serial(.read).data.flatMap { Hex.bytes($0) } ?? []
    }

    func close() async {}
}

extension Exchange {
    /// USB 2.0 §9.6.7: GET_DESCRIPTOR of string 0.
    package var asksForLanguage: Bool { kind == .controlIn && request == 0x8006 && value == 0x0300 }
}
