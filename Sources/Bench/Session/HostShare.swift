internal import BenchModel
internal import Journal
internal import Links
internal import Protocols

/// A session's share of what the host carries.
extension FlashSession {
    /// For a conversation of DFU: endpoint 0, and as many blocks as are under way at once.
    func grantForBlocks() async throws(SessionEnd) -> Grant {
        try await grant(memory: USBLimits.controlTransfer * DFUClient.uploadDepth, endpoints: 1)
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
        let grant: Grant
        do {
            grant = try await bench.budget.grant(request) { scarce in
                hasWaited = true
                bench.board.update(bench.slot) { $0.message = "waits for its share of \(scarce)" }
            }
        } catch {
            throw .benchStopped
        }
        if hasWaited {
            bench.board.update(bench.slot) { $0.message = nil }
            try await mark(.grantWaited(.init(milliseconds: Int((bench.clock.now - began).milliseconds))))
        }
        return grant
    }
}
