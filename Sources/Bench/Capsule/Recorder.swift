internal import BenchModel
package import Dock
internal import Links
internal import Protocols
internal import Synchronization

/// Writes down what passes in one session.
final class Recorder: Sendable {
    private let clock: any BenchClock
    private let began: Duration
    private let state = Mutex(State())

    private struct State {
        var transcript = Transcript()
        /// What is being written or read back, and how far the reading has come.
        var image: (any ComponentContent)?
        var imageOffset = 0
        /// Bytes that may still be kept of what was read and is not the image.
        var otherBytes = 32 * 1024
    }

    init(clock: any BenchClock) {
        self.clock = clock
        began = clock.now
    }

    var transcript: Transcript { state.withLock { $0.transcript } }

    /// What comes from here on may be this component's bytes: they are not written down again.
    func expects(_ image: any ComponentContent) {
        state.withLock { state in
            state.image = image
            state.imageOffset = 0
        }
    }

    /// The bench's monotonic clock when the session began, nanoseconds.
    var beganAt: Int64 { Self.nanoseconds(began) }

    /// Since the session's beginning.
    var now: Duration { clock.now - began }

    /// Rounded up: what took so long must not be over earlier when it is played.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }

    /// Writes down how something ended that began at `at`.
    func note<Kind>(_ kind: Exchange.Kind, at: Duration, _ error: LinkError<Kind>?, _ fill: (inout Exchange) -> Void = { _ in }) {
        var exchange = Exchange(kind, at: Self.nanoseconds(at))
        exchange.took = Self.nanoseconds(now - at)
        exchange.error = error?.code.rawValue
        exchange.sentence = error?.sentence
        fill(&exchange)
        state.withLock { $0.transcript.add(exchange) }
    }

    /// Writes down what a serial line took, or gave: of what it took the first few bytes.
    func passed(_ kind: Exchange.Kind, at: Duration, _ bytes: [UInt8]) {
        let isWrite = kind == .write
        let passage = LinePassage(
            isWrite: isWrite, at: Self.nanoseconds(at), took: Self.nanoseconds(now - at), length: bytes.count,
            bytes: isWrite ? bytes.prefix(Exchange.shownBytes) : bytes[...])
        state.withLock { $0.transcript.add(passage) }
    }

    /// Writes down what came in.
    func note(_ request: ControlRequest, at: Duration, length: Int, came result: Result<[UInt8], USBError>) {
        let bytes = (try? result.get()) ?? []
        let isUpload = request.type == DFU.deviceToHost && request.request == DFURequest.upload.rawValue
        let ofImage = isUpload ? countOfImage(bytes) : 0
        let isKept = !isUpload || ofImage > 0 || keepsOther(bytes)
        note(.controlIn, at: at, result.failure) { exchange in
            exchange.set(request)
            exchange.length = ofImage > 0 || !isKept ? bytes.count : length
            if ofImage > 0 {
                exchange.isImage = true
            } else if !isKept {
                exchange.isOther = true
            } else if !bytes.isEmpty {
                exchange.data = Hex.lowercase(bytes)
            }
        }
    }

    private func keepsOther(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.otherBytes >= bytes.count else { return false }
            state.otherBytes -= bytes.count
            return true
        }
    }

    /// Writes down what went out.
    func note(_ request: ControlRequest, at: Duration, sent data: [UInt8], _ error: USBError?) {
        note(.controlOut, at: at, error) { exchange in
            exchange.set(request)
            exchange.length = data.count
            if !data.isEmpty { exchange.data = Hex.lowercase(Array(data.prefix(Exchange.shownBytes))) }
        }
    }

    func arrived(_ present: PresentDevice, _ profile: DeviceProfile) {
        dock(.arrived, SeenDevice(present, profile))
    }

    func left() { dock(.left, nil) }

    private func dock(_ kind: Exchange.Kind, _ device: SeenDevice?) {
        var exchange = Exchange(kind, at: Self.nanoseconds(now))
        exchange.device = device
        state.withLock { $0.transcript.add(exchange) }
    }

    /// How many of the image's next bytes these begin with: all that are asked for, or those up to its end; 0 where they are others.
    private func countOfImage(_ bytes: [UInt8]) -> Int {
        state.withLock { state in
            guard let image = state.image else { return 0 }
            let range = min(state.imageOffset, image.count)..<min(state.imageOffset + bytes.count, image.count)
            var expected: [UInt8] = []
            expected.reserveCapacity(range.count)
            image.append(range, to: &expected)
            state.imageOffset += bytes.count
            return bytes.prefix(range.count).elementsEqual(expected) ? range.count : 0
        }
    }
}

extension SeenDevice {
    /// udev's properties that a bench looks at, beside those that the profile names.
    private static let kept: Set<String> = [
        "ID_PATH", "ID_SERIAL_SHORT", "ID_VENDOR_ID", "ID_MODEL_ID", "DEVNAME", "DEVTYPE", "SUBSYSTEM", "ID_USB_INTERFACE_NUM",
    ]

    init(_ present: PresentDevice, _ profile: DeviceProfile) {
        let kept = Self.kept.union(profile.runtime.keys).union(profile.bootloader.keys)
        let device = present.device
        self.init(
            port: device.port, interface: device.interface, node: device.node, syspath: device.syspath, incarnation: device.incarnation,
            mode: present.mode, properties: device.properties.filter { kept.contains($0.key) })
    }

    /// As the dock told it.
    package var docked: DockedDevice {
        DockedDevice(
            port: port, interface: interface, node: node, syspath: syspath, incarnation: incarnation, found: nil, properties: properties)
    }
}

extension Exchange {
    fileprivate mutating func set(_ request: ControlRequest) {
        self.request = UInt16(request.type) << 8 | UInt16(request.request)
        value = request.value
        index = request.index
    }
}

extension Result {
    var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
