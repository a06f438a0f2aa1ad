internal import BenchModel
internal import Dock
internal import Journal

/// A session's share of what the host carries.
extension FlashSession {
    /// For a conversation of DFU: endpoint 0, and as many blocks as are under way at once.
    func grantForBlocks() async throws(SessionEnd) -> Grant {
        try await grant(memory: BenchLimits.usbfsMemoryOfDFUUnit, endpoints: 1)
    }

    /// Waits for the session's share of the host. `memory` in bytes of usbfs buffers; `endpoints` with endpoint 0.
    func grant(memory: Int, endpoints: Int) async throws(SessionEnd) -> Grant {
        let request = GrantRequest(
            bench.slot, present.device, memory: memory, endpoints: endpoints, rate: bench.profile.rate, bytesLeft: bytesLeft)
        let began = bench.clock.now
        var hasWaited = false
        if let scarce = bench.budget.scarcity(for: request) {
            hasWaited = true
            try await mark(.grantAwaited(.init(scarce: "\(scarce)")))
        }
        // A unit that leaves waits for nothing any more.
        let leaving = Task(executorPreference: bench.lane) { [bench, present] in
            await bench.presence.departure(of: present.device.attachment)
            if !Task.isCancelled { bench.budget.giveUp(bench.slot) }
        }
        defer { leaving.cancel() }
        let grant: Grant
        do {
            grant = try await bench.budget.grant(request) { scarce in
                hasWaited = true
                bench.board.update(bench.slot) { $0.message = "waits for its share of \(scarce)" }
            }
        } catch {
            bench.board.update(bench.slot) { $0.message = nil }
            try await expectThere()
            throw .benchStopped
        }
        if hasWaited {
            bench.board.update(bench.slot) { $0.message = nil }
            try await mark(.grantWaited(.init(milliseconds: Int((bench.clock.now - began).milliseconds))))
        }
        try await expectThere()
        return grant
    }

    /// - Throws: where the unit has left the slot while it waited for the host, or another one has come: nothing reached either, and it speaks
    ///   against no slot.
    private func expectThere() async throws(SessionEnd) {
        guard !Task.isCancelled else { throw .benchStopped }
        if let slot = await bench.presence.elsewhere { throw SessionEnd(.unknown, .seenElsewhere, "it turned up in slot \(slot)") }
        guard await bench.presence.present?.device.attachment == present.device.attachment else {
            throw SessionEnd(.unknown, .contactLost, "it left the slot while it waited for its share of the host", isHosts: true)
        }
    }
}
