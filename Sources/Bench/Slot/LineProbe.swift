internal import BenchModel
internal import Dock
internal import Links
internal import Protocols

/// Looks whether a unit answers on a line that is always there: a built-in UART, an adapter, a serial device server. What udev
/// tells of other slots, it has to ask. While a session runs in the slot, the line is the session's.
struct LineProbe: Sendable {
    let place: SlotPlace
    let profile: DeviceProfile
    let settings: SMPSettings
    let runner: SlotRunner
    let identify: Identify
    let shared: BenchShared

    /// Between two looks.
    private static let interval = Duration.seconds(1)
    /// How long an answer may take: the unit is up, or nobody is there.
    private static let patience = Duration.milliseconds(600)
    /// So many silent looks in a row mean that the unit has gone.
    private static let silences = 2

    private struct Found: Equatable {
        var mode: UnitMode
        /// `nil` where it can't be asked, in its bootloader for one.
        var chfId: EUI64?

        func isOther(than old: Found) -> Bool { chfId.flatMap { new in old.chfId.map { $0 != new } } ?? false }
    }

    func run() async {
        var dockings = 0
        var docked: (device: DockedDevice, found: Found)?
        var silent = 0
        var isFirst = true
        while !Task.isCancelled {
            if await !runner.isBusy {
                let found = await look()
                // A session that was begun meanwhile has the line: the look says nothing.
                guard !Task.isCancelled, await !runner.isBusy else { continue }
                silent = found == nil ? silent + 1 : 0
                // A unit that says another name was changed between two looks. A mode changes when a session fails half-way.
                if let old = docked, silent >= Self.silences || found?.isOther(than: old.found) == true {
                    docked = nil
                    await runner.left(old.device.attachment)
                }
                if let name = found?.chfId { docked?.found.chfId = name }
                if let found, docked == nil {
                    dockings += 1
                    let device = device(dockings)
                    docked = (device, found)
                    let present = PresentDevice(device: device, mode: found.mode)
                    if isFirst { await runner.firstLook(present, profile) } else { await runner.arrived(present, profile) }
                } else if isFirst {
                    await runner.firstLook(nil, nil)
                }
                isFirst = false
            } else {
                silent = 0
            }
            guard (try? await shared.clock.sleep(for: Self.interval)) != nil else { return }
        }
    }

    private func device(_ docking: Int) -> DockedDevice {
        DockedDevice(port: place.port, node: place.port.idPath, syspath: place.port.idPath, incarnation: "\(docking)", properties: [:])
    }

    private func look() async -> Found? {
        do throws(SerialError) {
            let port = try await identify.opener.openLine(device(0), settings.line, timeout: Self.patience)
            let found = await ask(over: port)
            await port.close()
            say(nil)
            return found
        } catch {
            say(error)
            return nil
        }
    }

    private func ask(over port: any SerialPort) async -> Found? {
        guard let (client, mode) = try? await identify.converse(over: port, settings, within: Self.patience) else { return nil }
        guard case .osInfo(let letter) = profile.identity, mode == .runtime else { return Found(mode: mode) }
        guard let name = try? await client.request(OSGroup.Info(String(letter)), within: Self.patience).output else { return nil }
        return Found(mode: mode, chfId: EUI64(name))
    }

    /// What keeps the slot from being looked at is shown at the slot, and goes when it has passed.
    private func say(_ error: SerialError?) {
        let prefix = "the line can't be looked at: "
        shared.board.update(place.slot) { view in
            if let error { view.message = prefix + error.sentence } else if view.message?.hasPrefix(prefix) == true { view.message = nil }
        }
    }
}
