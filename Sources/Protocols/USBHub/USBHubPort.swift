public import BenchModel
public import Links

/// One port of a USB hub, by the hub class' requests (USB 2.0 §11.24.2). They go to the USB hub's endpoint 0 and need no interface.
public struct USBHubPort: Sendable {
    private let hub: any USBDevice
    /// Counted from 1.
    private let port: UInt8
    private let requestBound: Duration
    private let clock: any BenchClock
    /// From switching on until the port's power is good: bPwrOn2PwrGood (§11.23.2.1).
    public let powerOnDelay: Duration

    private static let descriptorType: UInt8 = 0x29
    /// Table 11-17.
    private static let portPower: UInt16 = 8
    /// Table 11-15 and 11-16: to the class, recipient `device` and recipient `other`.
    private static let hubIn: UInt8 = 0xA0
    private static let portOut: UInt8 = 0x23
    private static let getDescriptor: UInt8 = 6
    private static let clearFeature: UInt8 = 1
    private static let setFeature: UInt8 = 3

    /// Asks the USB hub whether it can switch its ports one by one.
    /// - Returns: `nil` where it can't: wHubCharacteristics says ganged or no power switching.
    /// - Throws: ``USBError``.
    public init?(_ hub: any USBDevice, port: UInt8, clock: any BenchClock, requestBound: Duration) async throws(USBError) {
        let request = ControlRequest(
            type: Self.hubIn, request: Self.getDescriptor, value: UInt16(Self.descriptorType) << 8, index: 0)
        let bytes = try await hub.controlIn(request, length: 7, timeout: requestBound)
        guard bytes.count == 7, bytes[1] == Self.descriptorType else {
            throw USBError(.descriptors, "expected a USB hub's descriptor of at least 7 bytes, found \(bytes.count)")
        }
        // wHubCharacteristics bits 1..0: 01 is individual port power switching.
        guard port >= 1, port <= bytes[2], bytes[3] & 0x03 == 0x01 else { return nil }
        self.hub = hub
        self.port = port
        self.requestBound = requestBound
        self.clock = clock
        powerOnDelay = .milliseconds(2 * Int(bytes[5]))
    }

    /// Takes the port's power until `gone` returns, and gives it back then, whatever happens meanwhile: a task that is cancelled, or a USB hub
    /// that does not answer, must not leave a unit without power. `lane`: where it is given back.
    /// - Throws: ``USBError`` of the request that the USB hub has not answered; where the power is not back, that is said.
    public func cyclePower(on lane: Lane, until gone: () async -> Void) async throws(USBError) {
        let off = await setPower(false)
        if off == nil { await gone() }
        // Not the caller's task: it may be cancelled.
        let on = await Task(executorPreference: lane) { await switchedOn() }.value
        if let on { throw USBError(on.code, "the port has no power, and the USB hub does not give it back: \(on.sentence)") }
        if let off { throw off }
    }

    /// Gives the port its power, whether it has it or not.
    /// - Throws: ``USBError``.
    public func powerOn() async throws(USBError) {
        if let failure = await switchedOn() { throw failure }
    }

    private func switchedOn() async -> USBError? {
        var failure = await setPower(true)
        let deadline = clock.now + Self.patience
        while failure != nil, clock.now < deadline {
            // A USB hub that is being reset by its driver takes no orders meanwhile, and no event tells when it does again.
            do { try await clock.sleep(for: Self.pause) } catch { break }
            failure = await setPower(true)
        }
        return failure
    }

    /// How long power is given back to a port whose USB hub does not take the order, and how often.
    private static let patience = Duration.seconds(15)
    private static let pause = Duration.milliseconds(500)

    private func setPower(_ on: Bool) async -> USBError? {
        let request = ControlRequest(
            type: Self.portOut, request: on ? Self.setFeature : Self.clearFeature, value: Self.portPower, index: UInt16(port))
        do throws(USBError) { try await hub.controlOut(request, data: [], timeout: requestBound) } catch { return error }
        return nil
    }
}
