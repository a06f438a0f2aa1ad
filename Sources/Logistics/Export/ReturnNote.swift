public import BenchModel
internal import Journal

extension ConsignmentDesk {
    /// A consignment's return note: one HTML page that prints well, with every unit.
    public func returnNote(of id: ConsignmentID) async throws(LogisticsRefusal) -> String {
        try await look { reader in
            let consignment = try reader.existing(id)
            var note = ReturnNote(consignment, try reader.reconciliation(of: consignment), try reader.packages(of: id))
            note.head = try reader.lastEvent(of: id)
            try reader.eachUnit(of: consignment) { note.add($0) }
            return note.html
        }
    }
}

/// The page, as a function of what is in it.
struct ReturnNote {
    let consignment: ConsignmentRecord
    let sum: Reconciliation
    let packages: [PackageRecord]
    /// The newest event of the consignment.
    var head: EventRecord?
    private var rows: [String] = []
    private var apart: [String] = []

    init(_ consignment: ConsignmentRecord, _ sum: Reconciliation, _ packages: [PackageRecord]) {
        self.consignment = consignment
        self.sum = sum
        self.packages = packages
    }

    mutating func add(_ unit: UnitCase) {
        let verdict = unit.standing
        let state = unit.announced == nil && unit.state == .held ? "unexpected" : unit.state.rawValue
        let why =
            unit.fault?.value.rawValue ?? unit.unproven?.value ?? unit.decision?.value.code?.rawValue ?? verdict?.reason?.rawValue ?? ""
        let cells = [
            unit.chfId.description, state, why, verdict?.installedVersion?.description ?? "", verdict?.proof?.rawValue ?? "",
            unit.packed?.value.digits ?? "",
        ]
        let row = "<tr>" + cells.map { "<td>\(HTMLText.escaped($0))</td>" }.joined() + "</tr>"
        if unit.state == .failed { apart.append(row) } else { rows.append(row) }
    }

    var html: String {
        let head = ["CHF ID", "State", "Reason", "Version", "Proof", "Carton"].map { "<th>\($0)</th>" }.joined()
        let counts = UnitState.allCases.compactMap { state in
            sum.states[state].map { "<tr><td>\(state.rawValue)</td><td class=\"number\">\($0)</td></tr>" }
        }
        let faulty =
            apart.isEmpty
            ? "" : "<h2>For the fault-return process</h2><table><thead><tr>\(head)</tr></thead><tbody>\(apart.joined())</tbody></table>"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Return note \(text(consignment.consignment.name))</title>
            <style>
            @page { size: A4; margin: 15mm }
            body { font: 10pt sans-serif; margin: 1em auto; max-width: 60em; color: #000 }
            h1 { font-size: 16pt; margin: 0 0 4mm }
            h2 { font-size: 12pt; margin: 6mm 0 2mm }
            table { border-collapse: collapse; width: 100%; font-size: 9pt }
            th, td { border: 0.2mm solid #888; padding: 1mm 2mm; text-align: left; font-variant-numeric: tabular-nums }
            thead { display: table-header-group }
            tr { break-inside: avoid }
            table.short { width: auto }
            td:first-child { white-space: nowrap }
            td.number { text-align: right }
            footer { margin-top: 6mm; font-size: 8pt; overflow-wrap: anywhere }
            </style></head><body>
            <h1>Return note \(text(consignment.consignment.name))</h1>
            <table class="short"><tbody>
            \(line("Service User", consignment.serviceUser.name))
            \(line("Return to", consignment.returnTo))
            \(line("Reference", consignment.reference ?? ""))
            \(line("State", consignment.stage.rawValue))
            \(line("Units expected", "\(sum.expected)"))
            \(line("Units unexpected", "\(sum.unexpected)"))
            \(line("Units packed", "\(sum.packed)"))
            </tbody></table>
            <h2>Reconciliation</h2>
            <table class="short"><tbody>\(counts.joined())</tbody></table>
            \(faulty)
            <h2>Cartons and pallets</h2>
            <table class="short"><tbody>\(packages.map(package).joined())</tbody></table>
            <h2>\(apart.isEmpty ? "Units" : "Other units")</h2>
            <table><thead><tr>\(head)</tr></thead><tbody>
            \(rows.joined(separator: "\n"))
            </tbody></table>
            <footer>\(self.head.map { "Journal event \($0.number) of \($0.utc), \($0.hash)" } ?? "")</footer>
            </body></html>

            """
    }

    private func package(_ package: PackageRecord) -> String {
        let content = "\(package.count) \(package.level == .carton ? "units" : "cartons")\(package.isFaulty ? ", faulty" : "")"
        return line("\(package.level.rawValue) \(package.sscc)", content + (package.pallet.map { ", on pallet \($0.value)" } ?? ""))
    }

    private func line(_ name: String, _ value: String) -> String { "<tr><th>\(text(name))</th><td>\(text(value))</td></tr>" }

    private func text(_ text: String) -> String { HTMLText.escaped(text) }
}
