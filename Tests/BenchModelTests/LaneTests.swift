import BenchModel
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct LaneTests {
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

    @Test func `what is added to a lane is done in order`() async {
        let lane = DispatchLanes().lane("test", controller: nil)
        let (done, report) = AsyncStream.makeStream(of: Int.self)
        for number in 0..<100 { Task(executorPreference: lane) { report.yield(number) } }
        #expect(await done.prefix(100).reduce(into: []) { $0.append($1) } == Array(0..<100))
    }

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    @Test func `lanes that always have work leave the threads to others too`() async {
        let lanes = DispatchLanes()
        let flag = Flag()
        await withTaskGroup { group in
            for number in 0..<4 * ProcessInfo.processInfo.activeProcessorCount {
                group.addTask(executorPreference: lanes.lane("busy.\(number)", controller: "pci-0000:00:14.0")) {
                    while !flag.isSet.load(ordering: .relaxed) { await Task.yield() }
                }
            }
            group.addTask(executorPreference: lanes.lane("other", controller: "pci-0000:00:14.0")) {
                flag.isSet.store(true, ordering: .relaxed)
            }
        }
        let hadItsTurn = flag.isSet.load(ordering: .relaxed)
        #expect(hadItsTurn)
    }
}
