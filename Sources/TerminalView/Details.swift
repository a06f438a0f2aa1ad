public import BenchModel
public import BenchWire
public import Firmware

/// What the `show` and `inspect` commands print: `name: value` lines.
public struct Details: Sendable {
    let style: Style

    public init(style: Style) { self.style = style }

    /// One `name: value` line a field that is known.
    public func lines(_ slot: SlotStatus) -> [String] {
        var fields: [(String, String?)] = [
            ("slot", slot.slot.label), ("port", slot.port.idPath), ("state", slot.state.rawValue),
            ("CHF ID", slot.chfId?.description), ("model", slot.model), ("hardware version", slot.hardwareVersion?.description),
            ("installed version", slot.installedVersion?.description), ("target version", slot.targetVersion?.description),
            ("session", slot.session.map { "\($0)" }), ("step", slot.step?.rawValue),
        ]
        fields += [
            ("outcome", slot.outcome?.rawValue), ("reason", slot.reason.map { "\($0.rawValue): \($0.sentence)" }),
            ("detail", slot.detail), ("proof", slot.proof?.rawValue), ("do next", slot.doNext.rawValue), ("message", slot.message),
        ]
        return lines(fields)
    }

    /// One `name: value` line a field that is known.
    public func lines(_ unit: UnitStatus) -> [String] {
        var lines = lines([
            ("CHF ID", unit.chfId.description), ("outcome", unit.outcome?.rawValue), ("reason", unit.reason?.rawValue),
            ("installed version", unit.installedVersion?.description),
            ("failed in", unit.failedSlots.isEmpty ? nil : unit.failedSlots.map(\.label).joined(separator: ", ")),
        ])
        lines += unit.sessions.map { line($0) }
        return lines
    }

    /// One line a session.
    public func line(_ session: SessionRecord) -> String {
        var line = "session \(session.id)  \(session.startedAt)  \(session.slot)  "
        guard let verdict = session.verdict else { return line + "running" }
        line += style.paint(verdict.outcome.rawValue, StatusTable.colour(verdict.outcome))
        if let reason = verdict.reason { line += ": \(reason.rawValue)" }
        if let proof = verdict.proof { line += " (\(proof.rawValue))" }
        if let settled = session.settled, let by = session.settledBy {
            line += ", settled as \(settled.outcome.rawValue) by session \(by)"
        }
        return line
    }

    /// One line an event.
    public func line(_ event: EventRecord) -> String {
        let place = [event.slot?.label, event.unit?.description].compactMap { $0 }.joined(separator: " ")
        return "\(event.number)  \(event.utc)  \(event.kind)  \(place)  \(event.payload)  \(event.hash.short)"
    }

    /// One `name: value` line a field that is known.
    public func lines(_ image: ImageReport, path: String) -> [String] {
        var lines = lines([
            ("file", "\(path), \(image.fileSize) bytes"), ("format", image.format ?? "unknown"),
            ("header length", image.headerLength.map { "\($0)" }), ("field control", image.fieldControl),
            ("manufacturer code", image.manufacturerCode), ("image type", image.imageType), ("file version", image.fileVersion),
            ("ZigBee stack version", image.zigBeeStackVersion), ("header string", image.headerString),
            ("destination", image.destination), ("minimum hardware version", image.minimumHardwareVersion),
            ("maximum hardware version", image.maximumHardwareVersion), ("total size", image.totalSize.map { "\($0)" }),
            (
                "Manufacturer Image",
                image.manufacturerImageOffset.flatMap { offset in
                    image.manufacturerImageSize.map { "\($0) bytes at offset \(offset)" }
                }
            ), ("Manufacturer Image Hash", image.manufacturerImageHash),
            ("trailer", image.format == "gbcs-ota" ? image.signature.map { "signature \($0)" } ?? "none" : nil),
        ])
        if let dfu = image.dfu {
            lines += self.lines([
                ("DFU suffix", "vendor \(dfu.idVendor), product \(dfu.idProduct), device \(dfu.bcdDevice)"),
                ("content", "\(dfu.contentSize) bytes"),
            ])
        }
        if let mcuboot = image.mcuboot {
            lines += self.lines([
                ("MCUboot version", mcuboot.version), ("MCUboot payload", "\(mcuboot.imageSize) bytes at \(mcuboot.headerSize)"),
                ("MCUboot flags", mcuboot.flags), ("MCUboot hash", mcuboot.hash),
                ("security counter", mcuboot.securityCounter.map { "\($0)" }),
                ("dependencies", mcuboot.dependencies.isEmpty ? nil : mcuboot.dependencies.joined(separator: ", ")),
                ("trailer", mcuboot.trailer),
            ])
            lines += mcuboot.tlvs.map { "  TLV \($0.name) (\($0.type)), \($0.length) bytes\($0.isProtected ? ", protected" : "")" }
        }
        lines += image.problems.map { style.paint("problem: \($0.message)", .red) }
        if image.problems.isEmpty { lines.append(style.paint("no problems", .green)) }
        return lines
    }

    func lines(_ fields: [(String, String?)]) -> [String] {
        fields.compactMap { name, value in value.map { "\((name + ":").fitted(27))\($0)" } }
    }
}
