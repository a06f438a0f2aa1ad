internal import CFuse
internal import CSerial
internal import Dispatch
internal import Foundation
internal import Links
internal import Synchronization

/// A pty as the host's end of a unit's line: programs open its other side as a tty.
///
/// While no program has it open nothing is carried, as with a CDC-ACM device, whose driver asks for no bytes then. Sendable: the
/// sources and what changes are used on `queue` alone.
final class PseudoTerminal: LineEnd, @unchecked Sendable {
    /// The tty's path among the ptys.
    let slave: String
    private let master: OwnedDescriptor
    private let line: UnitLine
    private let queue: DispatchQueue
    private let openings: any DispatchSourceRead
    private var watch: DescriptorWatch?
    private var isClosed = false

    /// - Throws: ``SimulatorError`` where the system has no pty.
    init(_ line: UnitLine) throws(SimulatorError) {
        self.line = line
        var number: UInt32 = 0
        master = OwnedDescriptor(try SystemCall.check("open /dev/ptmx", unsafe hubsim_open_pty(&number)))
        slave = "/dev/pts/\(number)"
        let opens = OwnedDescriptor(try SystemCall.check("inotify \(slave)", unsafe hubsim_watch_opens(slave)))
        queue = DispatchQueue(label: "pty.\(slave)")
        openings = DispatchSource.makeReadSource(fileDescriptor: opens.number, queue: queue)
        openings.setEventHandler { @Sendable [weak self] in self?.wasOpened(opens) }
        openings.setCancelHandler { @Sendable in opens.close() }
        watch = DescriptorWatch(master.number, queue: queue) { [master] in
            master.close()
        } handler: { [line] _, _ in
            // The line takes them when it has carried what it has; until then there is no need to hear of them again.
            line.wake()
        }
        openings.activate()
    }

    /// The tty vanishes: programs that have it open read its end.
    func remove() {
        queue.async { @Sendable [self] in
            guard !isClosed else { return }
            isClosed = true
            openings.cancel()
            watch?.cancel()
        }
    }

    /// Also drains the events.
    private func wasOpened(_ opens: OwnedDescriptor) {
        var events = [UInt8](repeating: 0, count: 4096)
        _ = unsafe read(opens.number, &events, events.count)
        guard !isClosed else { return }
        line.connect(self)
        watch?.wantRead()
    }

    func take(_ limit: Int) -> [UInt8] {
        queue.sync {
            guard !isClosed else { return [] }
            var bytes = [UInt8](repeating: 0, count: limit)
            let count = unsafe read(master.number, &bytes, limit)
            if count < 0, errno != EAGAIN {
                // Nobody has it open any more. The next opening is told by inotify.
                line.connect(nil)
            } else if count < limit {
                watch?.wantRead()
            }
            return Array(bytes.prefix(max(0, count)))
        }
    }

    func give(_ bytes: [UInt8]) {
        queue.sync {
            guard !isClosed else { return }
            _ = unsafe bytes.withUnsafeBytes { unsafe write(master.number, $0.baseAddress, $0.count) }
        }
    }

    var baud: Int? {
        queue.sync {
            guard !isClosed else { return nil }
            let speed = reflash_serial_baud(master.number)
            return speed > 0 ? Int(speed) : nil
        }
    }
}

/// A descriptor that is closed on demand, or with the last one who holds it. Sendable: the number never changes.
final class OwnedDescriptor: Sendable {
    let number: CInt
    private let isOpen = Mutex(true)

    init(_ number: CInt) { self.number = number }

    deinit { close() }

    func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { Foundation.close(number) }
    }
}
