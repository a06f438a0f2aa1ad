internal import BenchModel
internal import Dock
internal import Links

/// A device of ours in a slot at this moment, and which of its two modes it is in.
struct PresentDevice: Hashable, Sendable {
    let device: DockedDevice
    let mode: UnitMode
}

/// How a wait for a unit's return ended.
enum Arrival: Sendable, Equatable {
    case device(PresentDevice)
    /// The bound passed.
    case nothing
    /// The unit turned up in this other slot.
    case elsewhere(SlotID)
    /// The session is being cancelled.
    case cancelled
}

/// What is in one slot, and the session that may be waiting for the next thing to be there. Lives on the slot's lane.
actor SlotPresence {
    private let lane: Lane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    /// Whether the slot is a line that is always there, whatever is docked on it.
    nonisolated let isFixed: Bool
    private(set) var present: PresentDevice?
    /// The line that a session has open: it is closed when its tty goes, not at the next write.
    private var port: (any SerialPort)?
    private let clock: any BenchClock
    private var recording: (Recorder, DeviceProfile)?
    private var waiter: Waiter?
    private var lastWait = 0
    private var departures: [Int: CheckedContinuation<Void, Never>] = [:]
    private var lastDeparture = 0
    /// Where the unit that was here has turned up, until something is here again.
    private(set) var elsewhere: SlotID?

    private struct Waiter {
        let id: Int
        let old: DockedDevice.Attachment?
        let continuation: CheckedContinuation<Arrival, Never>
    }

    init(lane: Lane, clock: any BenchClock, isFixed: Bool = false) {
        self.lane = lane
        self.isFixed = isFixed
        self.clock = clock
    }

    /// Has what comes and goes written down, or nothing any more.
    func record(into recorder: Recorder?, _ profile: DeviceProfile) { recording = recorder.map { ($0, profile) } }

    func arrived(_ device: PresentDevice) {
        if let (recorder, profile) = recording { recorder.arrived(device, profile) }
        present = device
        elsewhere = nil
        if waiter?.old != device.device.attachment { end(with: .device(device)) }
    }

    /// - Returns: whether that device was the one that is in the slot now.
    func left(_ attachment: DockedDevice.Attachment) async -> Bool {
        guard present?.device.attachment == attachment else { return false }
        recording?.0.left()
        present = nil
        for id in departures.keys.sorted() { endDeparture(id) }
        await port.take()?.close()
        return true
    }

    /// A session has opened a line here, or closed it.
    func hold(_ port: (any SerialPort)?) { self.port = port }

    /// Tells a waiting session that its unit is in another slot.
    /// `chfId`: the unit. Where another one is here by now, that session is about to find out by itself.
    /// - Returns: whether it is so: nothing is here that may be this unit. (What is always here says nothing of that.)
    func seenElsewhere(_ slot: SlotID, unless chfId: EUI64) -> Bool {
        if let present, !isFixed { return (present.device.identity ?? chfId) != chfId }
        elsewhere = slot
        end(with: .elsewhere(slot))
        return true
    }

    /// Waits until the slot holds another attachment than `old`, or anything where `old` has gone already (`nil`). Ends on the event, at the
    /// bound or when cancelled.
    func next(after old: DockedDevice.Attachment?, within bound: Duration) async -> Arrival {
        lastWait += 1
        let id = lastWait
        let timer = Task(executorPreference: lane) { [clock] in
            if (try? await clock.sleep(for: bound)) != nil { await self.expire(id, with: .nothing) }
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // Looked at here, where nothing can come between the look and the wait.
                if Task.isCancelled {
                    continuation.resume(returning: .cancelled)
                } else if let present, present.device.attachment != old {
                    continuation.resume(returning: .device(present))
                } else if let elsewhere {
                    continuation.resume(returning: .elsewhere(elsewhere))
                } else {
                    waiter = Waiter(id: id, old: old, continuation: continuation)
                }
            }
        } onCancel: {
            Task(executorPreference: lane) { await self.expire(id, with: .cancelled) }
        }
    }

    /// Waits until this attachment has gone, at most so long.
    func departure(of attachment: DockedDevice.Attachment, within bound: Duration? = nil) async {
        let deadline = bound.map { clock.now + $0 }
        func isOver() -> Bool { deadline.map { clock.now >= $0 } ?? false }
        while present?.device.attachment == attachment, !isOver(), !Task.isCancelled {
            let id = lastDeparture + 1
            lastDeparture = id
            let timer = deadline.map { deadline in
                Task(executorPreference: lane) { [clock] in
                    if (try? await clock.sleep(until: deadline)) != nil { await self.endDeparture(id) }
                }
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { departures[id] = $0 }
            } onCancel: {
                Task(executorPreference: lane) { await self.endDeparture(id) }
            }
            timer?.cancel()
        }
    }

    private func endDeparture(_ id: Int) { departures.removeValue(forKey: id)?.resume() }

    private func expire(_ id: Int, with arrival: Arrival) {
        if waiter?.id == id { end(with: arrival) }
    }

    private func end(with arrival: Arrival) {
        waiter.take()?.continuation.resume(returning: arrival)
    }
}
