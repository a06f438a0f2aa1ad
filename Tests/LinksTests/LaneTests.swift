import Dispatch
import Links
import Testing

@Suite struct LaneTests {
    private actor Worker {
        let lane: Lane
        nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
        init(_ lane: Lane) { self.lane = lane }

        func isOnLane() -> Bool {
            dispatchPrecondition(condition: .onQueue(lane.queue))
            return true
        }

        func nested() async -> Bool {
            await Task.yield()
            return isOnLane()
        }
    }

    @Test func `an actor with a lane runs on its queue, before and after each wait`() async {
        let worker = Worker(Lane("test", target: DispatchQueue(label: "controller", attributes: .concurrent)))
        #expect(await worker.isOnLane())
        #expect(await worker.nested())
    }
}
