internal import CFuse
internal import CSerial
internal import Dispatch
internal import Foundation

/// A pty as the host's end of a unit's line: programs open its other side as a tty.
///
/// While no program has it open nothing is carried, as with a CDC-ACM device, whose driver asks for no bytes then. Sendable: the
/// sources and what changes are used on `queue` alone.
final class PseudoTerminal: LineEnd, @unchecked Sendable {
    /// The tty's path among the ptys.
    let slave: String
    private let master: CInt
    private let opens: CInt
    private let line: UnitLine
    private let queue: DispatchQueue
    private let reads: any DispatchSourceRead
    private let openings: any DispatchSourceRead
    private var isWatching = true
    private var isClosed = false

    /// - Throws: ``SimulatorError`` where the system has no pty.
    init(_ line: UnitLine) throws(SimulatorError) {
        self.line = line
        var number: UInt32 = 0
        master = try SystemCall.check("open /dev/ptmx", unsafe hubsim_open_pty(&number))
        slave = "/dev/pts/\(number)"
        opens = try SystemCall.check("inotify \(slave)", unsafe hubsim_watch_opens(slave))
        queue = DispatchQueue(label: "pty.\(slave)")
        reads = DispatchSource.makeReadSource(fileDescriptor: master, queue: queue)
        openings = DispatchSource.makeReadSource(fileDescriptor: opens, queue: queue)
        reads.setEventHandler { @Sendable [weak self] in self?.hasBytes() }
        openings.setEventHandler { @Sendable [weak self] in self?.wasOpened() }
        let descriptors = [master, opens]
        reads.setCancelHandler { @Sendable in close(descriptors[0]) }
        openings.setCancelHandler { @Sendable in close(descriptors[1]) }
        reads.activate()
        openings.activate()
    }

    /// The tty vanishes: programs that have it open read its end.
    func remove() {
        queue.async { @Sendable [self] in
            guard !isClosed else { return }
            isClosed = true
            reads.cancel()
            openings.cancel()
            if !isWatching { reads.resume() }
        }
    }

    private func hasBytes() {
        guard !isClosed, isWatching else { return }
        // The line takes them when it has carried what it has; until then there is no need to hear of them again.
        isWatching = false
        reads.suspend()
        line.wake()
    }

    /// Also drains the events.
    private func wasOpened() {
        var events = [UInt8](repeating: 0, count: 4096)
        _ = unsafe read(opens, &events, events.count)
        line.connect(self)
        watch()
    }

    private func watch() {
        guard !isClosed, !isWatching else { return }
        isWatching = true
        reads.resume()
    }

    func take(_ limit: Int) -> [UInt8] {
        queue.sync {
            guard !isClosed else { return [] }
            var bytes = [UInt8](repeating: 0, count: limit)
            let count = unsafe read(master, &bytes, limit)
            let isOpen = count > 0 || errno == EAGAIN
            if !isOpen {
                // Nobody has it open. The next opening is told by inotify.
                line.connect(nil)
            } else if count < limit {
                watch()
            }
            return Array(bytes.prefix(max(0, count)))
        }
    }

    func give(_ bytes: [UInt8]) {
        queue.sync {
            guard !isClosed else { return }
            _ = unsafe bytes.withUnsafeBytes { unsafe write(master, $0.baseAddress, $0.count) }
        }
    }

    var baud: Int? {
        queue.sync {
            guard !isClosed else { return nil }
            let speed = reflash_serial_baud(master)
            return speed > 0 ? Int(speed) : nil
        }
    }
}
