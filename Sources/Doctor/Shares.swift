internal import BenchModel

/// What the slots of a bench share: endpoints, addresses and bandwidth of the host, and what the config lets them have at a time.
extension Diagnosis {
    /// Endpoints of a unit of each kind: endpoint 0, and those of its interfaces in run-time mode.
    private static let endpointsOfDFUUnit = 3
    private static let endpointsOfSerialUnit = 4
    /// While it is written a DFU unit has no other endpoint than endpoint 0.
    private static let endpointsOfDFUSession = 1

    private var hasSerial: Bool { config.profiles.contains { $0.smp != nil } }
    /// The highest of the profiles', bytes a second.
    private var rate: Int { config.profiles.map(\.rate).max() ?? 0 }

    /// What each host controller has to share among its slots.
    var shares: [Finding] {
        let controllers = Dictionary(grouping: usbSlots, by: \.port.hostController).sorted { $0.key < $1.key }
        return controllers.map { endpoints($0.key, $0.value.count) } + controllers.map { devices($0.key, $0.value) }
            + controllers.map { bandwidth($0.key, $0.value.count) } + translators
    }

    private func endpoints(_ controller: String, _ slots: Int) -> Finding {
        let perUnit = hasSerial ? Self.endpointsOfSerialUnit : Self.endpointsOfDFUUnit
        let needed = slots * perUnit
        let what = "\(controller): \(slots) slots may need \(needed) endpoints"
        let offered = config.limits.hostController.endpoints
        guard needed > offered else { return Finding(fine: "endpoints", what) }
        return Finding(
            .warning, "endpoints",
            "\(what), and \(offered) are counted on (limits.hostController.endpoints); common xHCI controllers have 96",
            why: "the last units to be plugged in are refused by the host controller ('Not enough host controller resources' in dmesg)",
            mend: "spread the racks over host controllers: at most \(offered / perUnit) slots on each")
    }

    /// USB 2.0 §9.2.1: a bus has addresses 1 to 127, one of them its root hub's.
    private func devices(_ controller: String, _ slots: [SlotPlace]) -> Finding {
        let hubs = Set(slots.flatMap(\.port.hubs))
        let needed = slots.count + hubs.count + 1
        let what = "\(controller): \(slots.count) slots and \(hubs.count) USB hubs take \(needed) of 127 addresses"
        guard needed > 127 else { return Finding(fine: "devices", what) }
        return Finding(
            .problem, "devices", what, why: "the last units to be plugged in get no address and are never seen",
            mend: "spread the racks over host controllers")
    }

    private func bandwidth(_ controller: String, _ slots: Int) -> Finding {
        let (needed, offered) = (slots * rate, config.limits.hostController.bandwidth)
        let what = "\(controller): \(slots) slots may take \(needed / 1000) kB/s of \(offered / 1000)"
        guard needed > offered, rate > 0 else { return Finding(fine: "bandwidth", what) }
        return Finding(
            .warning, "bandwidth", "\(what) (limits.hostController.bandwidth)",
            why: "no more than \(max(1, offered / rate)) units are written at a time; the others wait for their share",
            mend: "spread the racks over host controllers, or set the profile's 'rate' to what a unit really takes")
    }

    private var translators: [Finding] {
        Dictionary(grouping: facts.slowPorts.map { PortPath($0) }, by: \.hub).sorted { $0.key < $1.key }.map { hub, ports in
            let (needed, offered) = (ports.count * rate, BenchLimits.translatorBandwidth)
            let what = "\(hub): \(ports.count) full-speed units may take \(needed / 1000) kB/s of its translator's \(offered / 1000)"
            guard needed > offered, rate > 0 else { return Finding(fine: "translators", what) }
            return Finding(
                .warning, "translators", what, why: "no more than \(max(1, offered / rate)) of them are written at a time",
                mend: "put full-speed units behind different USB hubs, or use USB hubs with a translator for each port")
        }
    }

    // MARK: At a time

    /// Where the config lets fewer units be flashed at a time than there are slots. Nothing is wrong with that: the others wait for their share.
    var concurrency: [Finding] {
        let controllers = Dictionary(grouping: usbSlots, by: \.port.hostController).map { ($0.key, $0.value.count, false) }
        let hubs = Dictionary(grouping: usbSlots.flatMap(\.port.hubs)) { $0 }.map { ($0.key, $0.value.count, true) }
        let limited = (controllers + hubs).sorted { $0.0 < $1.0 }.compactMap { turns(at: $0.0, $0.1, isHub: $0.2) }
        let (slots, most) = (config.slots.count, config.limits.concurrentSessions)
        if most < slots {
            return [Finding(fine: "concurrency", "\(most) of \(slots) slots are flashed at a time (limits.concurrentSessions)")] + limited
        }
        return limited.isEmpty ? [Finding(fine: "concurrency", "all \(slots) slots may be flashed at a time")] : limited
    }

    private func turns(at place: String, _ slots: Int, isHub: Bool) -> Finding? {
        let (limit, capacity) = isHub ? ("limits.usbHub", config.limits.usbHub) : ("limits.hostController", config.limits.hostController)
        let perSession = hasSerial ? Self.endpointsOfSerialUnit : Self.endpointsOfDFUSession
        var most = ["devices": capacity.devices, "endpoints": capacity.endpoints / perSession]
        if rate > 0 { most["bandwidth"] = capacity.bandwidth / rate }
        guard let least = most.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }), least.value < slots else { return nil }
        return Finding(
            fine: "concurrency", "\(place): \(max(1, least.value)) of \(slots) slots are flashed at a time (\(limit).\(least.key))")
    }
}
