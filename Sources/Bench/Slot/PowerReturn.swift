internal import BenchModel
internal import Dock
internal import Foundation
internal import Journal
internal import Links
internal import Logging
internal import Protocols

/// Gives ports their power back where a bench was cut off between taking and giving it.
struct PowerReturn: Sendable {
    let shared: BenchShared

    /// The cut was among the last things that the bench recorded.
    private static let recent = 2000

    /// To be called before the bench begins anything. A port that has its power keeps it.
    func give() async {
        var taken: [SlotID: String] = [:]
        for event in (try? await shared.journal.newestEvents(Self.recent)) ?? [] {
            guard let slot = event.slot else { continue }
            switch event.kind {
            case "port-power-cycled":
                let cycled = try? JSONDecoder().decode(JournalEvent.PortPowerCycled.self, from: Data(event.payload.utf8))
                taken[slot] = cycled?.syspath
            case "unit-docked", "bootloader-entered", "image-state", "transfer-started": taken[slot] = nil
            default: break
            }
        }
        for (slot, syspath) in taken.sorted(by: { $0.key < $1.key }) {
            do throws(USBError) { try await give(to: slot, syspath) } catch {
                shared.logger.error(
                    "the bench was cut off while a slot's port had no power, and it can't be given back",
                    metadata: [
                        "slot": "\(slot)", "error": "\(error.sentence)",
                        "next": "once no other slot of its USB hub is running, switch that USB hub off and on",
                    ])
            }
        }
    }

    private func give(to slot: SlotID, _ syspath: String) async throws(USBError) {
        guard let port = shared.board.slot(slot)?.port else { return }
        let device = DockedDevice(port: port, node: "", syspath: syspath, properties: [:])
        guard let (hub, number) = try await shared.opener.openHub(above: device) else { return }
        do throws(USBError) {
            try await USBHubPort(hub, port: number, clock: shared.clock, requestBound: SessionBounds().request)?.powerOn()
        } catch {
            await hub.close()
            throw error
        }
        await hub.close()
    }
}
