internal import BenchModel
internal import Dispatch
internal import Foundation

/// Takes orders for a running dock from its socket.
final class ControlServer: Sendable {
    private let dock: SimulatedDock
    private let listener: CInt
    private let queue = DispatchQueue(label: "control")
    private let source: ReadSource

    init(_ dock: SimulatedDock, listener: CInt) {
        self.dock = dock
        self.listener = listener
        source = ReadSource(DispatchSource.makeReadSource(fileDescriptor: listener, queue: queue))
        source.source.setEventHandler { @Sendable [dock] in
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            DispatchQueue.global().async { @Sendable in
                Self.serve(FileHandle(fileDescriptor: connection, closeOnDealloc: true), dock)
            }
        }
        source.source.activate()
    }

    func stop() { source.source.cancel() }

    /// Sendable: a Dispatch source may be used from any thread; the protocol does not say so.
    private struct ReadSource: @unchecked Sendable {
        let source: any DispatchSourceRead
        init(_ source: any DispatchSourceRead) { self.source = source }
    }

    private static func serve(_ connection: FileHandle, _ dock: SimulatedDock) {
        let reply: DockAnswer
        do {
            let line = try connection.readToEnd() ?? Data()
            reply = try answer(try JSONDecoder().decode(DockOrder.self, from: line), dock)
        } catch {
            reply = DockAnswer(error: "\(error)")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        if let line = try? encoder.encode(reply) { try? connection.write(contentsOf: line + Data("\n".utf8)) }
    }

    private static func answer(
        _ request: DockOrder, _ dock: SimulatedDock
    ) throws(SimulatorError) -> DockAnswer {
        switch request {
        case .list: break
        case .plug(let unit, let slot): try dock.plug(unit, into: slot)
        case .unplug(let slot): try dock.unplug(slot)
        case .fault(let unit, let fault): try dock.addFault(fault, to: unit)
        case .clearFaults(let unit): try dock.clearFaults(of: unit)
        case .flash(let unit):
            return DockAnswer(flash: Hex.lowercase(try dock.application(of: unit)))
        }
        return DockAnswer(units: dock.report)
    }
}
