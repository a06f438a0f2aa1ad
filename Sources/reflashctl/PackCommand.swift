import ArgumentParser
import BenchModel
import BenchWire
import Foundation
import TerminalView

/// `reflashctl pack`.
struct PackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Pack settled units into cartons and cartons onto pallets, each with an SSCC and a label.",
        discussion: """
            EXAMPLES
              reflashctl pack open RMA-42
              reflashctl pack unit 050123450000000015 00-DB-12-34-56-78-90-A2
              reflashctl pack close 050123450000000015
              reflashctl pack open RMA-42 --pallet
              reflashctl pack stack 050123450000000022 050123450000000015
              reflashctl pack label 050123450000000015 --zpl > /dev/usb/lp0
              reflashctl pack cards --operator mira > cards.html
            """,
        subcommands: [
            Open.self, AddUnit.self, Close.self, Stack.self, Show.self, PrintLabel.self, PackingList.self, Cards.self,
        ])

    /// What most of them take.
    struct Options: ParsableArguments {
        @Argument(help: "The carton's or pallet's SSCC.") var sscc: SSCC
        @OptionGroup var bench: BenchOptions

        func show(_ contents: PackageContents) throws {
            if bench.output.json { return try bench.output.printJSON(contents) }
            for line in ConsignmentLines(style: bench.output.style).lines(contents) { Terminal.print(line) }
        }

        func order(_ name: String, _ order: PackingOrder = PackingOrder()) async throws {
            try await complaining { try show(try await bench.client.post("packages/\(sscc)/\(name)", order)) }
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open a carton or a pallet, and give it its SSCC.")
        @Argument(help: "The consignment's name.") var consignment: ConsignmentID
        @Flag(help: "A pallet. Default: a carton.") var pallet = false
        @Flag(help: "It is for failed units, which leave by the fault-return process.") var faulty = false
        @OptionGroup var bench: BenchOptions

        func run() async throws {
            try await complaining {
                let order = PackageOrder(level: pallet ? .pallet : .carton, isFaulty: faulty)
                let package: PackageRecord = try await bench.client.post("consignments/\(consignment.name.escaped)/packages", order)
                if bench.output.json { return try bench.output.printJSON(package) }
                Terminal.print("\(package.level.rawValue) \(package.sscc)")
            }
        }
    }

    struct AddUnit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "unit", abstract: "Put a unit into a carton.")
        @OptionGroup var options: Options
        @Argument(help: "The unit's CHF ID.") var unit: EUI64

        func run() async throws { try await options.order("add", PackingOrder(unit: unit)) }
    }

    struct Stack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put a closed carton onto a pallet: PALLET CARTON.")
        @OptionGroup var options: Options
        @Argument(help: "The carton's SSCC.") var carton: SSCC

        func run() async throws { try await options.order("add", PackingOrder(carton: carton)) }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say that nothing more comes into a carton or onto a pallet.")
        @OptionGroup var options: Options

        func run() async throws { try await options.order("close") }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what is in a carton or on a pallet.")
        @OptionGroup var options: Options

        func run() async throws {
            try await complaining { try options.show(try await options.bench.client.get("packages/\(options.sscc)")) }
        }
    }

    struct PrintLabel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "label",
            abstract: "Write the GS1-128 label of a carton or pallet to standard output: SVG, or ZPL for a label printer.")
        @OptionGroup var options: Options
        @Flag(help: "ZPL II. Default: SVG.") var zpl = false

        func run() async throws {
            try await complaining {
                let bytes = try await options.bench.client.bytes("packages/\(options.sscc)/label.\(zpl ? "zpl" : "svg")")
                Terminal.write(String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    struct PackingList: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Write a consignment's packing list to standard output.")
        @Argument(help: "The consignment's name.") var consignment: ConsignmentID
        @OptionGroup var bench: BenchOptions

        func run() async throws {
            try await complaining {
                let bytes = try await bench.client.bytes("consignments/\(consignment.name.escaped)/packing-list.txt")
                Terminal.write(String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    struct Cards: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a page of barcode cards to standard output: every slot, UNDO, HOLD, CARTON FULL, and operators.")
        @Option(help: "Somebody who scans here; again for each.") var `operator`: [String] = []
        @OptionGroup var bench: BenchOptions

        func run() async throws {
            try await complaining {
                let names = self.operator.map(\.escaped).joined(separator: ",")
                Terminal.write(String(decoding: try await bench.client.bytes("cards.html?operators=\(names)"), as: UTF8.self))
            }
        }
    }
}
