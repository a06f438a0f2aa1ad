public import BenchModel
internal import Journal

extension ConsignmentDesk {
    /// The label of a carton or a pallet.
    public func label(of sscc: SSCC) async throws(LogisticsRefusal) -> Label {
        let (package, _, _) = try await contents(of: sscc)
        let consignment = try await consignment(package.consignment).consignment
        let content = package.level == .carton ? "units" : "cartons"
        let lines = [
            "To: \(consignment.serviceUser.name), \(consignment.returnTo)",
            "\(consignment.consignment)\(consignment.reference.map { " / \($0)" } ?? ""): \(package.count) \(content)"
                + (package.isFaulty ? ", FAULTY: fault-return process" : ""),
        ]
        guard let label = Label(sscc, lines: lines) else { throw LogisticsRefusal(.package, "\(sscc) can't be printed") }
        return label
    }

    /// What is in a consignment's cartons and on its pallets, as plain text: a line for each carton, pallet and unit.
    public func packingList(of id: ConsignmentID) async throws(LogisticsRefusal) -> String {
        try await look { reader in
            let consignment = try reader.existing(id)
            var lines = ["Packing list of \(id), \(consignment.serviceUser.name)"]
            let packages = try reader.packages(of: id)
            for pallet in packages where pallet.level == .pallet {
                lines.append("")
                lines.append("pallet \(pallet.sscc)\(pallet.mark)")
                for carton in try reader.cartons(on: pallet.sscc) { lines += try reader.lines(of: carton, packages, indent: "  ") }
            }
            for carton in packages where carton.level == .carton && carton.pallet == nil {
                lines.append("")
                lines += try reader.lines(of: carton.sscc, packages, indent: "")
            }
            return lines.joined(separator: "\n") + "\n"
        }
    }
}

extension JournalReader {
    fileprivate func lines(of carton: SSCC, _ packages: [PackageRecord], indent: String) throws -> [String] {
        let units = try units(in: carton)
        let mark = packages.first { $0.sscc == carton }?.mark ?? ""
        return ["\(indent)carton \(carton), \(units.count) \(units.count == 1 ? "unit" : "units")\(mark)"]
            + units.map { "\(indent)  \($0)" }
    }
}

extension PackageRecord {
    fileprivate var mark: String { (isFaulty ? ", faulty" : "") + (closed == nil ? ", still open" : "") }
}
