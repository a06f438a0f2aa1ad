internal import BenchModel
internal import Dock
internal import Links

/// Opens devices for one session, and has everything written down that passes.
struct RecordingLinks: DeviceOpener {
    let opener: any DeviceOpener
    let recorder: Recorder

    func open(_ device: DockedDevice) async throws(USBError) -> any USBDevice {
        let at = recorder.now
        let opened: any USBDevice
        do throws(USBError) { opened = try await opener.open(device) } catch {
            recorder.note(.open, at: at, error)
            throw error
        }
        recorder.note(.open, at: at, nil as USBError?) { $0.descriptors = opened.descriptors }
        return RecordingDevice(opened, recorder)
    }

    func openHub(above device: DockedDevice) async throws(USBError) -> (hub: any USBDevice, port: UInt8)? {
        let at = recorder.now
        let found: (hub: any USBDevice, port: UInt8)?
        do throws(USBError) { found = try await opener.openHub(above: device) } catch {
            recorder.note(.openHub, at: at, error)
            throw error
        }
        recorder.note(.openHub, at: at, nil as USBError?) { exchange in
            exchange.descriptors = found?.hub.descriptors
            exchange.index = (found?.port).map(UInt16.init)
        }
        return found.map { (RecordingDevice($0.hub, recorder), $0.port) }
    }

    func openUSB(below tty: DockedDevice) async throws(USBError) -> (any USBDevice)? {
        let at = recorder.now
        let found: (any USBDevice)?
        do throws(USBError) { found = try await opener.openUSB(below: tty) } catch {
            recorder.note(.openUSB, at: at, error)
            throw error
        }
        recorder.note(.openUSB, at: at, nil as USBError?) { $0.descriptors = found?.descriptors }
        return found.map { RecordingDevice($0, recorder) }
    }

    func openLine(_ device: DockedDevice, _ settings: LineSettings, timeout: Duration) async throws(SerialError) -> any SerialPort {
        let at = recorder.now
        do throws(SerialError) {
            let port = try await opener.openLine(device, settings, timeout: timeout)
            recorder.note(.openLine, at: at, nil as SerialError?) { $0.length = port.capacity }
            return RecordingPort(port, recorder)
        } catch {
            recorder.note(.openLine, at: at, error)
            throw error
        }
    }
}

private final class RecordingDevice: USBDevice {
    private let device: any USBDevice
    private let recorder: Recorder

    init(_ device: any USBDevice, _ recorder: Recorder) {
        self.device = device
        self.recorder = recorder
    }

    var descriptors: USBDescriptors { device.descriptors }

    func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError) {
        let at = recorder.now
        do throws(USBError) { try await device.controlOut(request, data: data, timeout: timeout) } catch {
            recorder.note(request, at: at, sent: data, error)
            throw error
        }
        recorder.note(request, at: at, sent: data, nil)
    }

    func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>) {
        let at = recorder.now
        let (sent, answer) = await device.controlOut(request, data: data, then: question, length: length, timeout: timeout)
        recorder.note(request, at: at, sent: data, sent.failure)
        // Where the first failed, the answer says nothing.
        if sent.failure == nil { recorder.note(question, at: at, length: length, came: answer) }
        return (sent, answer)
    }

    func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8] {
        let at = recorder.now
        let result: Result<[UInt8], USBError>
        do throws(USBError) { result = .success(try await device.controlIn(request, length: length, timeout: timeout)) } catch {
            result = .failure(error)
        }
        recorder.note(request, at: at, length: length, came: result)
        return try result.get()
    }

    func controlIn(
        _ requests: [ControlRequest], length: Int, timeout: Duration
    ) async -> [Result<[UInt8], USBError>] {
        let at = recorder.now
        let results = await device.controlIn(requests, length: length, timeout: timeout)
        for (request, result) in zip(requests, results) {
            recorder.note(request, at: at, length: length, came: result)
            if result.failure != nil { break }
        }
        return results
    }

    func claim(interface: UInt8) async throws(USBError) {
        try await noted(.claim, { $0.index = UInt16(interface) }) { () async throws(USBError) in
            try await device.claim(interface: interface)
        }
    }

    func select(alternate: UInt8, of interface: UInt8) async throws(USBError) {
        let fill = { (exchange: inout Exchange) in (exchange.value, exchange.index) = (UInt16(alternate), UInt16(interface)) }
        try await noted(.select, fill) { () async throws(USBError) in try await device.select(alternate: alternate, of: interface) }
    }

    func reset() async throws(USBError) {
        try await noted(.reset, { _ in }) { () async throws(USBError) in try await device.reset() }
    }

    func close() async { await device.close() }

    private func noted(
        _ kind: Exchange.Kind, _ fill: (inout Exchange) -> Void, _ body: () async throws(USBError) -> Void
    ) async throws(USBError) {
        let at = recorder.now
        do throws(USBError) { try await body() } catch {
            recorder.note(kind, at: at, error) { fill(&$0) }
            throw error
        }
        recorder.note(kind, at: at, nil as USBError?) { fill(&$0) }
    }
}

private final class RecordingPort: SerialPort {
    private let port: any SerialPort
    private let recorder: Recorder

    init(_ port: any SerialPort, _ recorder: Recorder) {
        self.port = port
        self.recorder = recorder
    }

    var capacity: Int { port.capacity }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError) {
        let at = recorder.now
        do throws(SerialError) { try await port.write(bytes, timeout: timeout) } catch {
            recorder.note(.write, at: at, error) { exchange in
                exchange.length = bytes.count
                exchange.data = Hex.lowercase(bytes.prefix(Exchange.shownBytes))
            }
            throw error
        }
        recorder.passed(.write, at: at, bytes)
    }

    func read(timeout: Duration) async throws(SerialError) -> [UInt8] {
        let at = recorder.now
        let bytes: [UInt8]
        do throws(SerialError) { bytes = try await port.read(timeout: timeout) } catch {
            recorder.note(.read, at: at, error)
            throw error
        }
        recorder.passed(.read, at: at, bytes)
        return bytes
    }

    func close() async { await port.close() }
}
