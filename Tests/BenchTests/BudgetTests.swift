@testable import Bench
import BenchModel
import Dock
import Foundation
import Simulator
import Synchronization
import Links
import Protocols
import Testing

/// What the host carries at once, and who comes first where something must wait.
@Suite struct BudgetTests {
    private static let controller = "pci-0000:00:14.0"

    private func slot(_ index: Int) throws -> SlotID { try #require(SlotID("A\(index)")) }

    private func request(
        _ index: Int, bytesLeft: Int = 1000, memory: Int = 0, controller: String = Self.controller, rate: Int = 1
    ) throws -> GrantRequest {
        GrantRequest(
            slot: try slot(index),
            amounts: [
                .sessions: 1, .usbfsMemory: memory, .devices(.hostController(controller)): 1, .bandwidth(.hostController(controller)): rate,
            ], bytesLeft: bytesLeft)
    }

    private final class Served: Sendable {
        private let state = Mutex<[String]>([])
        var labels: [String] { state.withLock { $0 } }
        func add(_ label: String) { state.withLock { $0.append(label) } }
    }

    /// Asks for all, one after the other, and notes in which order they are served; each keeps its grant for `hold`.
    private func order(
        of requests: [GrantRequest], _ budget: HostBudget, _ time: VirtualTime, hold: Duration = .seconds(1)
    ) async throws -> [String] {
        let served = Served()
        try await withThrowingTaskGroup { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    try await time.sleep(for: .milliseconds(index))
                    let grant = try await budget.grant(request)
                    served.add(request.slot.label)
                    try await time.sleep(for: hold)
                    extendLifetime(grant)
                }
            }
            try await group.waitForAll()
        }
        #expect(budget.isWhole)
        return served.labels
    }

    @Test func `Whoever is closest to done comes first, and a slot that a supervisor hastens before that`() async throws {
        let time = VirtualTime(seed: 1)
        let served = try await time.run {
            let budget = HostBudget(BenchLimits(concurrentSessions: 1), clock: time)
            budget.hasten(try slot(4))
            return try await order(
                of: [try request(1), try request(2, bytesLeft: 900), try request(3, bytesLeft: 5), try request(4)], budget, time)
        }
        #expect(served == ["A1", "A4", "A3", "A2"])
    }

    @Test func `Whoever has waited long enough is passed by nobody who is closer to done`() async throws {
        let time = VirtualTime(seed: 1)
        let served = try await time.run {
            let budget = HostBudget(BenchLimits(concurrentSessions: 1), clock: time)
            let far = try request(0, bytesLeft: 1_000_000)
            let near = try (1...9).map { try request($0, bytesLeft: 1) }
            return try await order(of: near.prefix(1) + [far] + near.dropFirst(), budget, time, hold: .seconds(50))
        }
        #expect(try #require(served.firstIndex(of: "A0")) <= 4, "\(served)")
    }

    @Test func `A large request is not starved by small ones, and holds up nobody who wants nothing of what it wants`() async throws {
        let time = VirtualTime(seed: 1)
        let served = try await time.run {
            let budget = HostBudget(BenchLimits(usbfsMemory: 100), clock: time)
            return try await order(
                of: [
                    try request(1, memory: 60), try request(2, memory: 90), try request(3, memory: 30), try request(4, memory: 0),
                ], budget, time)
        }
        #expect(served == ["A1", "A4", "A2", "A3"])
    }

    @Test func `A host controller that is full holds up no other`() async throws {
        let time = VirtualTime(seed: 1)
        let served = try await time.run {
            let limits = BenchLimits(hostController: .init(devices: 1))
            return try await order(
                of: [try request(1), try request(2), try request(3, controller: "pci-0000:05:00.0")], HostBudget(limits, clock: time), time)
        }
        #expect(served == ["A1", "A3", "A2"])
    }

    @Test func `More than there is of something is as much as there is`() async throws {
        let time = VirtualTime(seed: 1)
        let served = try await time.run {
            try await order(of: [try request(1, memory: 1 << 30, rate: 1 << 30)], HostBudget(BenchLimits(), clock: time), time)
        }
        #expect(served == ["A1"])
    }

    @Test func `A session that is cancelled while it waits leaves nothing taken`() async throws {
        let time = VirtualTime(seed: 1)
        try await time.run {
            let budget = HostBudget(BenchLimits(concurrentSessions: 1), clock: time)
            let first = try await budget.grant(try request(1))
            let second = try request(2)
            let waiting = Task(executorPreference: time.lane("waiting", controller: nil)) { _ = try await budget.grant(second) }
            try await time.sleep(for: .seconds(1))
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(!budget.isWhole)
            giveBack(first)
            #expect(budget.isWhole)
        }
    }

    private func giveBack(_ grant: consuming Grant) {}

    /// A unit at a port, as a session asks for it.
    private func request(_ index: Int, at ports: String, endpoints: Int = 1, rate: Int = 1, syspath: String = "") throws -> GrantRequest {
        let device = DockedDevice(
            port: PortPath("\(Self.controller)-usb-0:\(ports)"), node: "", syspath: syspath, properties: [:])
        return GrantRequest(try slot(index), device, memory: 0, endpoints: endpoints, rate: rate, bytesLeft: 1000)
    }

    @Test func `A USB hub that is full holds up those behind it, however far, and no other`() async throws {
        let time = VirtualTime(seed: 1)
        let served = try await time.run {
            let limits = BenchLimits(usbHub: .init(devices: 1))
            let requests = [try request(1, at: "1.1"), try request(2, at: "1.4.2"), try request(3, at: "2.1"), try request(4, at: "3")]
            return try await order(of: requests, HostBudget(limits, clock: time), time)
        }
        #expect(served == ["A1", "A3", "A4", "A2"])
    }

    @Test func `Endpoints and bandwidth are shared too, of the host controller and of each USB hub`() async throws {
        let time = VirtualTime(seed: 1)
        for limits in [
            BenchLimits(hostController: .init(endpoints: 7)), BenchLimits(usbHub: .init(endpoints: 7)),
            BenchLimits(hostController: .init(bandwidth: 100)), BenchLimits(usbHub: .init(bandwidth: 100)),
        ] {
            let served = try await time.run {
                let requests = try (1...2).map { try request($0, at: "1.\($0)", endpoints: 4, rate: 60) }
                return try await order(
                    of: requests + [try request(3, at: "1.3", endpoints: 3, rate: 40)], HostBudget(limits, clock: time), time)
            }
            #expect(served == ["A1", "A2", "A3"], "what the second waits for is kept for it")
        }
    }

    @Test func `Full-speed units wait for their USB hub's transaction translator, and take nothing of the high-speed bandwidth`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "budget-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("12\n".utf8).write(to: folder.appending(path: "speed"))
        try Data("5\n".utf8).write(to: folder.appending(path: "devnum"))
        let slow = try (1...2).map { try request($0, at: "1.\($0)", rate: 500_000, syspath: folder.path) }
        #expect(slow[0].amounts[.translator("\(Self.controller)-usb-0:1")] == 500_000)
        #expect(!slow[0].amounts.keys.contains(.bandwidth(.hostController(Self.controller))))
        let other = try request(3, at: "2.1", rate: 500_000, syspath: folder.path)
        let time = VirtualTime(seed: 1)
        let served = try await time.run { try await order(of: slow + [other], HostBudget(BenchLimits(), clock: time), time) }
        #expect(served == ["A1", "A3", "A2"])
    }

    @Test func `A session asks for no more usbfs memory than the kernel gives`() {
        #expect(BenchLimits(usbfsMemory: 64 << 20).within(usbfsMebibytes: 16).usbfsMemory == 16 << 20)
        #expect(BenchLimits(usbfsMemory: 8 << 20).within(usbfsMebibytes: 16).usbfsMemory == 8 << 20)
        #expect(BenchLimits(usbfsMemory: 64 << 20).within(usbfsMebibytes: 0).usbfsMemory == 64 << 20, "0 is any amount")
        #expect(BenchLimits(usbfsMemory: 64 << 20).within(usbfsMebibytes: nil).usbfsMemory == 64 << 20)
    }

    @Test func `A DFU unit's share of usbfs has room for all that a readback queues`() {
        // What the kernel keeps for each transfer beside its bytes.
        let kept = 400
        #expect(BenchLimits.usbfsMemoryOfDFUUnit >= DFUClient.uploadDepth * (USBLimits.controlTransfer + kept))
    }

    @Test func `Full-speed units behind one USB hub share its transaction translator`() {
        #expect(PortPath("pci-0000:00:14.0-usb-0:1.2.3").hub == "pci-0000:00:14.0-usb-0:1.2")
        #expect(PortPath("pci-0000:00:14.0-usb-0:4").hub == "pci-0000:00:14.0")
        #expect(PortPath("pci-0000:00:14.0-usb-0:1.2.3").hubs == ["pci-0000:00:14.0-usb-0:1", "pci-0000:00:14.0-usb-0:1.2"])
    }

    @Test func `Units behind one USB hub start one after the other, and those behind another do not wait`() async throws {
        let time = VirtualTime(seed: 1)
        let starts = try await time.run {
            let turns = PowerUpTurns(stagger: .milliseconds(20), clock: time)
            var starts: [Int64] = []
            for port in ["1.1", "1.2", "2.1", "1.3"] {
                let began = time.now
                try await turns.wait(at: PortPath("pci-0000:00:14.0-usb-0:\(port)"))
                starts.append((time.now - began).milliseconds)
            }
            return starts
        }
        // Each asks only once the one before it has started.
        #expect(starts == [0, 20, 0, 20])
    }
}
