public import BenchModel

/// An advance shipment notice: which units come, in which cartons and on which pallets.
///
/// Read from CSV. It is taken in whole or not at all, and every line that is wrong is named.
public struct Notice: Sendable {
    /// One unit that is announced.
    public struct Entry: Hashable, Sendable {
        /// Where it stands in the file, counted from 1.
        public let line: Int
        /// The CHF ID.
        public let chfId: EUI64
        /// The identity that is printed on it, where that is another.
        public let gpfId: EUI64?
        /// The carton in which it comes.
        public let carton: String?
        /// The pallet on which it comes.
        public let pallet: String?
    }

    /// A line that is wrong, and why.
    public struct Problem: Error, Hashable, Sendable, Codable, CustomStringConvertible {
        /// Counted from 1.
        public let line: Int
        /// What was expected and what was found.
        public let problem: String

        public init(line: Int, problem: String) {
            self.line = line
            self.problem = problem
        }

        public var description: String { "line \(line): \(problem)" }
    }

    /// The values, by the names of the columns in which they are looked for where no mapping says otherwise.
    public static let values = ["chfId", "gpfId", "carton", "pallet"]

    /// In the order of the file.
    public private(set) var entries: [Entry] = []
    /// In the order of the file; empty where all of it is well.
    public private(set) var problems: [Problem] = []

    /// `columns`: names of columns that are not called as the values are, by value.
    public init(_ bytes: [UInt8], columns: [String: String] = [:]) {
        let table: CSVTable
        do throws(CSVTable.Problem) { table = try CSVTable(bytes, listsUneven: true) } catch {
            problems = [Problem(line: error.line, problem: "expected \(error.expected), found \(error.found)")]
            return
        }
        for value in columns.keys.sorted() where !Self.values.contains(value) {
            problems.append(
                Problem(line: 1, problem: "expected a mapping of \(Self.values.joined(separator: ", ")), found one of '\(value)'"))
        }
        for value in Self.values where columns[value] != nil || value == "chfId" {
            let name = columns[value] ?? value
            guard !table.columns.contains(name) else { continue }
            let found = table.columns.joined(separator: ", ")
            problems.append(Problem(line: 1, problem: "expected a column '\(name)' for \(value), found \(found)"))
        }
        guard problems.isEmpty else { return }
        problems = table.uneven.map { Problem(line: $0.line, problem: "expected \($0.expected), found \($0.found)") }
        read(table, columns)
        problems.sort { $0.line < $1.line }
        if entries.isEmpty, problems.isEmpty { problems.append(Problem(line: 2, problem: "expected at least one unit, found none")) }
    }

    private mutating func read(_ table: CSVTable, _ columns: [String: String]) {
        var lines: [EUI64: Int] = [:]
        var palletOfCarton: [String: (pallet: String?, line: Int)] = [:]
        for row in table.rows {
            let field = { (value: String) -> String? in
                table.field(columns[value] ?? value, of: row).flatMap { $0.isEmpty ? nil : $0 }
            }
            do throws(Problem) {
                let entry = try Entry(row.line, field)
                for id in [entry.chfId, entry.gpfId].compactMap(\.self) {
                    if let other = lines[id] { throw Problem(line: row.line, problem: "\(id) stands in line \(other) already") }
                    lines[id] = row.line
                }
                if let carton = entry.carton {
                    if let other = palletOfCarton[carton], other.pallet != entry.pallet {
                        throw Problem(
                            line: row.line,
                            problem:
                                "expected carton \(carton) on \(other.pallet.map { "pallet \($0)" } ?? "no pallet"), as in line \(other.line), found \(entry.pallet ?? "none")"
                        )
                    }
                    palletOfCarton[carton] = palletOfCarton[carton] ?? (entry.pallet, row.line)
                }
                entries.append(entry)
            } catch {
                problems.append(error)
            }
        }
    }

    /// Cartons in it.
    public var cartons: Int { Set(entries.compactMap(\.carton)).count }

    /// Pallets in it.
    public var pallets: Int { Set(entries.compactMap(\.pallet)).count }
}

extension Notice.Entry {
    fileprivate init(_ line: Int, _ field: (String) -> String?) throws(Notice.Problem) {
        func id(_ name: String) throws(Notice.Problem) -> EUI64? {
            guard let text = field(name) else { return nil }
            guard let id = EUI64(text) else {
                throw Notice.Problem(
                    line: line, problem: "\(name): expected an EUI-64 such as 00-DB-12-34-56-78-90-A2, found '\(text)'")
            }
            return id
        }
        func container(_ name: String) throws(Notice.Problem) -> String? {
            guard let text = field(name) else { return nil }
            if let sscc = SSCC(text) { return sscc.digits }
            let digits = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits || text.utf8.count < 18 else {
                throw Notice.Problem(line: line, problem: "\(name): expected an SSCC, whose check digit fits, found '\(text)'")
            }
            guard text.utf8.count <= 40 else {
                throw Notice.Problem(line: line, problem: "\(name): expected at most 40 characters, found \(text.utf8.count)")
            }
            return text
        }
        guard let chfId = try id("chfId") else {
            throw Notice.Problem(line: line, problem: "chfId: expected an EUI-64 such as 00-DB-12-34-56-78-90-A2, found nothing")
        }
        let gpfId = try id("gpfId")
        self.init(
            line: line, chfId: chfId, gpfId: gpfId == chfId ? nil : gpfId, carton: try container("carton"), pallet: try container("pallet"))
    }
}
