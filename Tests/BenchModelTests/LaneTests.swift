import BenchModel
import Testing

@Suite struct LaneTests {
    private actor Worker {
        let lane: Lane
        nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
        init(_ lane: Lane) { self.lane = lane }

        func isOnLane() -> Bool {
            lane.checkIsolated()
            return true
        }

        func nested() async -> Bool {
            await Task.yield()
            return isOnLane()
        }
    }

    @Test func `an actor with a lane runs on its queue, before and after each wait`() async {
        let worker = Worker(DispatchLanes().lane("test", controller: "pci-0000:00:14.0"))
        #expect(await worker.isOnLane())
        #expect(await worker.nested())
    }
}
