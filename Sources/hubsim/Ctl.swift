public import ArgumentParser
public import BenchModel
import Foundation
public import Simulator

/// `hubsim ctl`.
struct Ctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Act on a running dock from another terminal.",
        discussion: """
            EXAMPLES
              hubsim ctl list --json
              hubsim ctl unplug A05
              hubsim ctl plug 00-DB-12-34-56-78-90-05 A17
              hubsim ctl fault 00-DB-12-34-56-78-90-05 unplug --at-byte 200000
            """,
        subcommands: [List.self, Plug.self, Unplug.self, AddFault.self, ClearFaults.self, Flash.self],
        defaultSubcommand: List.self)
}

/// What every `hubsim ctl` command takes.
struct CtlOptions: ParsableArguments {
    @Option(help: "The dock's socket. Default: $HUBSIM_SOCKET, or the only dock that runs.")
    var socket: String?

    @Flag(help: "Print JSON.")
    var json = false

    func ask(_ request: DockOrder) throws -> DockAnswer {
        do {
            return try ControlSocket.ask(request, at: try socket ?? ControlSocket.onlyOne())
        } catch {
            Output.error("hubsim: \(error)")
            throw ExitCode.failure
        }
    }

    func show(_ units: [UnitReport]) throws {
        guard !json else { return try Output.json(units) }
        for unit in units {
            let place = unit.slot?.label ?? "-"
            let state = unit.isOnBus ? unit.mode.rawValue : unit.slot == nil ? "unplugged" : "off the bus"
            let faults = unit.faults.map(\.kind.rawValue).joined(separator: ", ")
            print(
                "\(place.padded(6))\(unit.chfId)  \(state.padded(12))\((unit.version?.description ?? "-").padded(10))"
                    + "\(unit.applicationHash.short)  \(faults)")
        }
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}

extension EUI64: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension SlotID: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Fault.Kind: ExpressibleByArgument {}

extension Ctl {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show every unit, where it is and what it holds.")
        @OptionGroup var options: CtlOptions

        func run() throws { try options.show(try options.ask(.list).units ?? []) }
    }

    struct Plug: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Plug a unit into a slot.")
        @Argument(help: "The unit's CHF ID.") var unit: EUI64
        @Argument(help: "The slot's label.") var slot: SlotID
        @OptionGroup var options: CtlOptions

        func run() throws {
            let reply = try options.ask(.plug(unit: unit, slot: slot))
            if options.json { try options.show(reply.units ?? []) }
        }
    }

    struct Unplug: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Pull a unit out of its slot.")
        @Argument(help: "The slot's label.") var slot: SlotID
        @OptionGroup var options: CtlOptions

        func run() throws {
            let reply = try options.ask(.unplug(slot: slot))
            if options.json { try options.show(reply.units ?? []) }
        }
    }

    struct AddFault: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fault", abstract: "Make something go wrong with a unit.",
            discussion: """
                KINDS
                  \(Fault.Kind.allCases.map(\.rawValue).joined(separator: "\n  "))
                """)
        @Argument(help: "The unit's CHF ID.") var unit: EUI64
        @Argument(help: "What goes wrong.") var kind: Fault.Kind
        @Option(help: "At this byte of the download or the flash.") var atByte: Int?
        @Option(help: "At this block of the transfer.") var atBlock: Int?
        @Option(help: "On entering this DFU state, dfuMANIFEST say.") var inState: String?
        @Option(help: "On this request: DFU_GETSTATUS say, or of SMP 'image upload' or 'confirm'.") var request: String?
        @Option(help: "The DFU status to report, errPROG say, or SMP's error number.") var status: String?
        @Option(help: "The kind's own value: milliseconds, a version, a CHF ID, a slot, a seed.") var value: String?
        @Option(help: "How often; 0 for ever.") var times = 1
        @OptionGroup var options: CtlOptions

        func run() throws {
            let fault = Fault(
                kind, atByte: atByte, atBlock: atBlock, inState: inState, request: request, status: status, value: value,
                times: times == 0 ? nil : times)
            let reply = try options.ask(.fault(unit: unit, fault: fault))
            if options.json { try options.show(reply.units ?? []) }
        }
    }

    struct ClearFaults: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take all faults off a unit.")
        @Argument(help: "The unit's CHF ID.") var unit: EUI64
        @OptionGroup var options: CtlOptions

        func run() throws {
            let reply = try options.ask(.clearFaults(unit: unit))
            if options.json { try options.show(reply.units ?? []) }
        }
    }

    struct Flash: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write what a unit's application flash holds to a file.")
        @Argument(help: "The unit's CHF ID.") var unit: EUI64
        @Argument(help: "The file.") var output: String
        @OptionGroup var options: CtlOptions

        func run() throws {
            let reply = try options.ask(.flash(unit: unit))
            try Data(Hex.bytes(reply.flash ?? "") ?? []).write(to: URL(filePath: output))
        }
    }
}
