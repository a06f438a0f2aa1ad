internal import BenchModel
internal import Firmware
internal import Protocols

/// A 2G/3G unit's SMP server: buffers that requests wait in, commands that take their time, answers in order.
///
/// Pure: time comes in with each call, and what it does beyond answering goes out as actions. In the bootloader's serial
/// recovery (no image runs) it knows fewer commands and writes the primary slot, as MCUboot's does.
struct SimulatedSMPServer: Sendable {
    /// What the host has done, for tests that ask whether it was needed.
    private(set) var counters = Bootloader.Counters()
    private let description: UnitDescription
    private var decoder: SMPFrameDecoder
    private var waiting: [SMPMessage] = []
    /// The request at work, answered at this time.
    private var working: (reply: Reply, at: Duration)?
    private var upload: Upload?
    private var chunks = 0
    /// Where in its image the chunk lay that was written last.
    private var written = 0..<0

    /// An upload under way, known by its hash.
    private struct Upload {
        var image: Int
        var slot: Int
        var length: Int
        var hash: [UInt8]?
        var offset = 0
    }

    struct Reply: Sendable {
        var message: SMPMessage?
        var actions: [UnitAction] = []
    }

    /// What a command makes the unit do once it is answered.
    enum UnitAction: Hashable, Sendable {
        case reboot(bootloader: Bool)
        case unplug
    }

    init(_ description: UnitDescription, counters: Bootloader.Counters = .init()) {
        self.description = description
        self.counters = counters
        decoder = description.serial.framing.makeDecoder()
    }

    /// Bytes that the line has carried. Requests for which there is no buffer are lost.
    mutating func receive(_ bytes: [UInt8], now: Duration, _ unit: inout UnitState) {
        decoder.feed(bytes)
        while let message = decoder.next() {
            let real = unit.faults.lasting(.smallBuffers)?.value.flatMap { Int($0) } ?? description.serial.buffers.size
            guard message.count <= description.serial.framing.messageLimit(bufferSize: real),
                waiting.count + (working == nil ? 0 : 1) < description.serial.buffers.count,
                let request = try? SMPMessage(message)
            else { continue }
            waiting.append(request)
        }
        begin(now, &unit)
    }

    /// When the request at work is done; `nil` when none is.
    var doneAt: Duration? { working?.at }

    /// The answer that is due, if one is, and what follows from it.
    mutating func finish(now: Duration, _ unit: inout UnitState) -> Reply? {
        guard let done = working, done.at <= now else { return nil }
        working = nil
        begin(done.at, &unit)
        return done.reply
    }

    private mutating func begin(_ now: Duration, _ unit: inout UnitState) {
        guard working == nil, !waiting.isEmpty else { return }
        let request = waiting.removeFirst()
        let (reply, time) = answer(request, &unit)
        working = (reply, now + time)
    }

    // MARK: Commands

    private mutating func answer(_ request: SMPMessage, _ unit: inout UnitState) -> (Reply, Duration) {
        var time = Duration.zero
        var actions: [UnitAction] = []
        let name = Self.name(request)
        unit.hang.meet(name, &unit.faults)
        guard !unit.hang.isOn else { return (Reply(), time) }
        // Pulled out before it was done.
        if unit.faults.take(.unplug, where: { $0.request != nil && $0.request == name }) != nil {
            return (Reply(actions: [.unplug]), time)
        }
        let refusal = unit.faults.take(.errorStatus) { $0.request != nil && $0.request == name }
        let body: CBOR
        do throws(SMPError) {
            if let refusal { throw .status(SMPStatus(rc: refusal.status.flatMap { Int($0) } ?? 1), to: name ?? "") }
            body = try command(request, &unit, &time, &actions)
        } catch {
            let status = if case .status(let status, _) = error { status } else { SMPStatus.invalid }
            body = SMPStatus(group: request.version == .v2 ? status.group : nil, rc: status.rc).body
        }
        let hushed = unit.faults.take(.silence) { $0.request != nil && $0.request == name && $0.atByte.map(written.contains) ?? true }
        if hushed != nil {
            return (Reply(actions: actions), time)
        }
        guard let operation = request.operation.response else { return (Reply(), time) }
        let shift: UInt8 = unit.faults.take(.wrongSequence) { $0.meets(block: chunks, bytes: 0..<0) } == nil ? 0 : 1
        let message = SMPMessage(
            operation, version: request.version, group: request.group, sequence: request.sequence &+ shift,
            command: request.command, body: body)
        return (Reply(message: message, actions: actions), time)
    }

    private static func name(_ request: SMPMessage) -> String? {
        switch (request.group, request.command, request.operation) {
        case (ImageGroup.id, ImageGroup.Upload.command, .write): ImageGroup.Upload.name
        case (ImageGroup.id, ImageGroup.WriteState.command, .write):
            request.body["confirm"]?.flag == true ? "confirm" : ImageGroup.WriteState.name
        case (ImageGroup.id, ImageGroup.ReadState.command, .read): ImageGroup.ReadState.name
        case (OSGroup.id, OSGroup.Reset.command, .write): OSGroup.Reset.name
        case (OSGroup.id, OSGroup.Echo.command, .write): OSGroup.Echo.name
        case (OSGroup.id, OSGroup.Info.command, .read): OSGroup.Info.name
        case (OSGroup.id, OSGroup.Parameters.command, .read): OSGroup.Parameters.name
        default: nil
        }
    }

    private mutating func command(
        _ request: SMPMessage, _ unit: inout UnitState, _ time: inout Duration, _ actions: inout [UnitAction]
    ) throws(SMPError) -> CBOR {
        switch (request.group, request.command, request.operation) {
        case (OSGroup.id, OSGroup.Parameters.command, .read):
            let buffers = description.serial.buffers
            return OSGroup.Parameters.Response(bufferSize: buffers.size, bufferCount: buffers.count).body
        case (OSGroup.id, OSGroup.Reset.command, .write):
            let reset = try OSGroup.Reset(body: request.body)
            actions.append(.reboot(bootloader: reset.bootMode == 1))
            return SMPDone().body
        case (ImageGroup.id, ImageGroup.ReadState.command, .read):
            return unit.imageState.body
        case (ImageGroup.id, ImageGroup.Upload.command, .write):
            return try take(try ImageGroup.Upload(body: request.body), &unit, &time, &actions).body
        case (OSGroup.id, OSGroup.Echo.command, .write) where unit.isRunning:
            return OSGroup.Echo.Response(try OSGroup.Echo(body: request.body).text).body
        case (OSGroup.id, OSGroup.Info.command, .read) where unit.isRunning:
            return OSGroup.Info.Response(try info(try OSGroup.Info(body: request.body).format ?? "s", unit)).body
        case (OSGroup.id, OSGroup.BootloaderInfo.command, .read) where unit.isRunning:
            let query = try OSGroup.BootloaderInfo(body: request.body).query
            guard let query else { return OSGroup.BootloaderInfo.Response(bootloader: "MCUboot").body }
            guard query == "mode" else { throw .status(SMPStatus(group: OSGroup.id, rc: 3), to: OSGroup.BootloaderInfo.name) }
            return OSGroup.BootloaderInfo.Response(mode: description.serial.activation == .swap ? 3 : 6).body
        case (ImageGroup.id, ImageGroup.WriteState.command, .write) where unit.isRunning:
            return try write(try ImageGroup.WriteState(body: request.body), &unit, &time)
        case (ImageGroup.id, ImageGroup.Erase.command, .write) where unit.isRunning:
            let slot = try ImageGroup.Erase(body: request.body).slot ?? 1
            guard slot == unit.images[0]?.spare else { throw .status(SMPStatus(group: ImageGroup.id, rc: 14), to: ImageGroup.Erase.name) }
            unit.images[0]?.erase(slot)
            upload = nil
            time = description.timing.erase
            return SMPDone().body
        default:
            throw .status(.notSupported, to: "a command that is not known here")
        }
    }

    /// Zephyr `subsys/mgmt/mcumgr/grp/os_mgmt`: the letters, always in this order.
    private func info(_ format: String, _ unit: UnitState) throws(SMPError) -> String {
        let parts: KeyValuePairs<Character, String> = [
            "s": "Zephyr", "n": unit.chfId.description, "r": "4.4.0", "v": unit.version.map { "\($0)" } ?? "",
            "b": "Mon Nov 23 12:00:00 2026", "m": description.model, "p": "cortex-m4",
            "i": description.hardwareVersion.description, "o": "Zephyr",
        ]
        guard !format.isEmpty, format.allSatisfy({ letter in letter == "a" || parts.contains { $0.key == letter } }) else {
            throw .status(SMPStatus(group: OSGroup.id, rc: 2), to: OSGroup.Info.name)
        }
        return parts.filter { format.contains("a") || format.contains($0.key) }.map(\.value).joined(separator: " ")
    }

    // MARK: Images

    private mutating func take(
        _ chunk: ImageGroup.Upload, _ unit: inout UnitState, _ time: inout Duration, _ actions: inout [UnitAction]
    ) throws(SMPError) -> ImageGroup.Upload.Response {
        func refuse(_ rc: Int) -> SMPError { .status(SMPStatus(group: ImageGroup.id, rc: rc), to: ImageGroup.Upload.name) }
        defer { chunks += 1 }
        let here = chunks
        if chunk.offset == 0 { try begin(chunk, &unit, &time) }
        // As Zephyr, which knows an upload by its state alone.
        guard var upload else { return .init(offset: 0) }
        let bytes = chunk.offset..<chunk.offset + chunk.data.count
        guard chunk.offset == upload.offset else { return .init(offset: upload.offset) }
        if let fault = unit.faults.take(.errorStatus, where: { $0.meets(block: here, bytes: bytes) }) {
            throw .status(SMPStatus(group: ImageGroup.id, rc: fault.status.flatMap { Int($0) } ?? 12), to: ImageGroup.Upload.name)
        }
        if unit.faults.take(.unplug, where: { $0.request == nil && $0.meets(block: here, bytes: bytes) }) != nil {
            actions.append(.unplug)
        }
        if let slow = unit.faults.take(.slow, where: { $0.meets(block: here, bytes: bytes) })?.value.flatMap({ Int($0) }) {
            time += .milliseconds(slow)
        }
        guard bytes.upperBound <= upload.length else { throw refuse(31) }
        guard unit.images[upload.image]?.append(chunk.data, to: upload.slot) == true else { throw refuse(30) }
        time += description.timing.program * chunk.data.count / 4096
        upload.offset = bytes.upperBound
        written = bytes
        self.upload = upload
        var answer = ImageGroup.Upload.Response(offset: upload.offset)
        if upload.offset == upload.length {
            counters.downloadsManifested += 1
            self.upload = nil
            if let flip = unit.faults.take(.bitFlip) {
                unit.images[upload.image]?.flipBit(at: flip.atByte ?? upload.length / 2, in: upload.slot)
            }
            if let expected = upload.hash { answer.match = unit.hash(ofImage: upload.image, slot: upload.slot) == expected }
        }
        if let lie = unit.faults.take(.wrongOffset, where: { $0.meets(block: here, bytes: bytes) })?.value.flatMap({ Int($0) }) {
            answer.offset = max(0, upload.offset + lie)
        }
        return answer
    }

    /// A first chunk goes on with the upload of the same hash, or erases the slot for a new one.
    private mutating func begin(
        _ chunk: ImageGroup.Upload, _ unit: inout UnitState, _ time: inout Duration
    ) throws(SMPError) {
        if let upload, let hash = chunk.sha, upload.hash == hash, upload.image == chunk.image ?? 0 { return }
        guard let length = chunk.length else {
            throw .status(SMPStatus(group: ImageGroup.id, rc: 21), to: ImageGroup.Upload.name)
        }
        let image = chunk.image ?? 0
        guard let slots = unit.images[image] else {
            throw .status(SMPStatus(group: ImageGroup.id, rc: 9), to: ImageGroup.Upload.name)
        }
        guard slots.pending == .none else {
            throw .status(SMPStatus(group: ImageGroup.id, rc: 28), to: ImageGroup.Upload.name)
        }
        let slot = unit.isRunning ? slots.spare : 0
        counters.downloadsBegun += 1
        unit.images[image]?.erase(slot)
        time += description.timing.erase * (1 + (length - 1) / 65_536)
        upload = Upload(image: image, slot: slot, length: length, hash: chunk.sha)
    }

    private func write(_ request: ImageGroup.WriteState, _ unit: inout UnitState, _ time: inout Duration) throws(SMPError) -> CBOR {
        func refuse(_ rc: Int) -> SMPError { .status(SMPStatus(group: ImageGroup.id, rc: rc), to: ImageGroup.WriteState.name) }
        guard description.serial.activation == .swap else { throw .status(.notSupported, to: ImageGroup.WriteState.name) }
        time += description.timing.program
        let stays = request.confirm == true
        guard let hash = request.hash else {
            guard stays else { throw refuse(24) }
            confirm(image: 0, &unit)
            return unit.imageState.body
        }
        for image in unit.images.keys.sorted() {
            guard let slots = unit.images[image] else { continue }
            if slots.image(slots.active)?.hash == hash {
                guard stays else { throw refuse(33) }
                confirm(image: image, &unit)
                return unit.imageState.body
            }
            if slots.image(slots.spare)?.hash == hash {
                guard slots.isConfirmed else { throw refuse(28) }
                unit.images[image]?.set(stays ? .permanent : .test)
                return unit.imageState.body
            }
        }
        throw refuse(8)
    }

    private func confirm(image: Int, _ unit: inout UnitState) {
        guard unit.faults.take(.confirmLost) == nil else { return unit.claimConfirmed.formUnion([image]) }
        unit.images[image]?.confirm()
    }
}
