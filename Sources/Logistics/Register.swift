internal import BenchModel
public import Journal

/// A register of who owns which unit and where that party takes deliveries, read from CSV: `chfId`, `serviceUser`, `locations` (several
/// with `;` between them). Whole or not at all.
public struct Register: Sendable {
    /// Bytes of a register: one of two million units.
    public static let mostBytes = 256 << 20

    /// In the order of the file.
    public private(set) var units: [RegisteredUnit] = []
    /// In the order of the file; empty where all of it is well.
    public private(set) var problems: [Notice.Problem] = []

    /// `columns`: names of columns that are not called as the values are, by value.
    public init(_ bytes: [UInt8], columns: [String: String] = [:]) {
        let table: CSVTable
        do throws(CSVTable.Problem) { table = try CSVTable(bytes, mostBytes: Self.mostBytes) } catch {
            problems = [Notice.Problem(line: error.line, problem: "expected \(error.expected), found \(error.found)")]
            return
        }
        for value in ["chfId", "serviceUser"] where !table.columns.contains(columns[value] ?? value) {
            let found = table.columns.joined(separator: ", ")
            problems.append(
                Notice.Problem(line: 1, problem: "expected a column '\(columns[value] ?? value)' for \(value), found \(found)"))
        }
        guard problems.isEmpty else { return }
        var lines: [EUI64: Int] = [:]
        for row in table.rows {
            let field = { (value: String) in table.field(columns[value] ?? value, of: row) ?? "" }
            guard let chfId = EUI64(field("chfId")) else {
                problems.append(Notice.Problem(line: row.line, problem: "chfId: expected an EUI-64, found '\(field("chfId"))'"))
                continue
            }
            if let other = lines[chfId] {
                problems.append(Notice.Problem(line: row.line, problem: "\(chfId) stands in line \(other) already"))
                continue
            }
            lines[chfId] = row.line
            guard !field("serviceUser").isEmpty else {
                problems.append(Notice.Problem(line: row.line, problem: "serviceUser: expected a Supplier's name, found nothing"))
                continue
            }
            let locations = field("locations").split(separator: ";").map { $0.trimmed }.filter { !$0.isEmpty }
            units.append(RegisteredUnit(chfId: chfId, serviceUser: field("serviceUser"), locations: locations))
        }
    }

    /// Why the register speaks against a unit of a consignment; `nil` where it does not.
    static func objection(
        to unit: EUI64, of consignment: ConsignmentRecord, _ entry: (serviceUser: String, locations: [String])?
    ) -> IntakeDecision? {
        guard let entry else {
            return IntakeDecision(
                part: .unit(unit), code: .notRegisteredWithSupplier,
                text: "expected in the register as \(consignment.serviceUser.name)'s, found it nowhere")
        }
        guard entry.serviceUser.folded == consignment.serviceUser.name.folded else {
            return IntakeDecision(
                part: .unit(unit), code: .notRegisteredWithSupplier,
                text: "expected in the register as \(consignment.serviceUser.name)'s, found it as \(entry.serviceUser)'s")
        }
        guard entry.locations.isEmpty || entry.locations.contains(where: { $0.folded == consignment.returnTo.folded }) else {
            return IntakeDecision(
                part: .unit(unit), code: .addressMismatch,
                text: "expected '\(consignment.returnTo)' among the delivery locations, found \(entry.locations.joined(separator: "; "))")
        }
        return nil
    }
}

extension StringProtocol {
    /// Without spaces at its ends.
    var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// As people compare names and addresses: without regard to case, and to how many spaces there are.
    var folded: String { lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
