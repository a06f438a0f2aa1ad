public import BenchModel

/// The Central Products List, as far as it says which firmware may run on which Communications Hub.
public struct CentralProductsList: Sendable {
    /// Which column holds what. The published layout is not public; the names are the bench's to state.
    public struct Columns: Hashable, Sendable {
        /// Manufacturer code, 4 hex digits.
        public var manufacturer = "manufacturer"
        /// Model, 8 hex digits.
        public var model = "model"
        /// Hardware version, 4 hex digits.
        public var hardwareVersion = "hardwareVersion"
        /// Firmware version, 8 hex digits.
        public var firmwareVersion = "firmwareVersion"
        /// Manufacturer Image Hash, 64 hex digits.
        public var manufacturerImageHash = "manufacturerImageHash"
        /// Whether it is current.
        public var status = "status"
        /// What the status column says of an entry that counts.
        public var current = "Current"

        public init() {}
    }

    /// One line of the list.
    public struct Entry: Hashable, Sendable {
        /// Manufacturer code, 4 hex digits.
        public let manufacturer: String
        /// Model, 8 hex digits.
        public let model: String
        /// The hardware that it is for.
        public let hardwareVersion: HardwareVersion
        /// What it makes of a unit.
        public let firmwareVersion: FirmwareVersion
        /// What the status column says.
        public let status: String
        /// Where it is listed, counted from 1.
        public let line: Int
    }

    private let byHash: [SHA256Value: [Entry]]
    private let current: String
    /// How many lines it has.
    public let count: Int

    /// Reads the list from CSV.
    /// - Throws: ``FirmwareProblem`` of code `products-list`, at the first line that is wrong; `name` is the file's.
    public init(csv: [UInt8], name: String, columns: Columns = Columns()) throws(FirmwareProblem) {
        do throws(CSVTable.Problem) {
            let table = try CSVTable(csv)
            var byHash: [SHA256Value: [Entry]] = [:]
            for row in table.rows {
                let (hash, entry) = try Self.entry(row, table, columns)
                byHash[hash, default: []].append(entry)
            }
            self.byHash = byHash
            count = table.rows.count
            current = columns.current
        } catch {
            throw FirmwareProblem(
                .productsList, at: nil, field: "\(name) line \(error.line)", expected: error.expected, found: error.found)
        }
    }

    /// Whether the list has this Manufacturer Image for all that the release says of it.
    /// - Returns: the hardware versions in the release's range for which it has it.
    /// - Throws: ``FirmwareProblem`` of code `not-listed`, `removed-from-list` or `mismatch`.
    func check(_ hash: SHA256Value, of variant: ReleaseManifest.VariantRelease) throws(FirmwareProblem) -> Set<HardwareVersion> {
        func problem(_ code: FirmwareProblem.Code, _ expected: String, _ found: String) -> FirmwareProblem {
            FirmwareProblem(
                code, at: nil, field: "Central Products List, Manufacturer Image Hash \(hash)", expected: expected, found: found)
        }
        let entries = byHash[hash] ?? []
        guard !entries.isEmpty else { throw problem(.notListed, "an entry", "none") }
        guard let entry = entries.first(where: { $0.status == current }) else {
            let found = entries.map { "line \($0.line): '\($0.status)'" }.joined(separator: ", ")
            throw problem(.removedFromList, "an entry whose status is '\(current)'", found)
        }
        let listed = entries.filter { entry in
            entry.status == current && entry.manufacturer == variant.manufacturer && entry.model == variant.model
                && entry.firmwareVersion == variant.version
                && (variant.hardware.minimum...variant.hardware.maximum).contains(entry.hardwareVersion)
        }
        if !listed.isEmpty { return Set(listed.map(\.hardwareVersion)) }
        throw problem(
            .mismatch,
            "\(variant.manufacturer) \(variant.model), hardware \(variant.hardware.minimum) to \(variant.hardware.maximum), "
                + "firmware \(variant.version), as the manifest says",
            "line \(entry.line): \(entry.manufacturer) \(entry.model), hardware \(entry.hardwareVersion), firmware \(entry.firmwareVersion)"
        )
    }

    private static func entry(
        _ row: CSVTable.Row, _ table: CSVTable, _ columns: Columns
    ) throws(CSVTable.Problem) -> (SHA256Value, Entry) {
        func value<Value>(_ column: String, _ expected: String, _ read: (String) -> Value?) throws(CSVTable.Problem) -> Value {
            guard let text = table.field(column, of: row) else {
                throw CSVTable.Problem(line: 1, expected: "a column '\(column)'", found: "only \(table.columns.joined(separator: ", "))")
            }
            guard let value = read(text) else {
                throw CSVTable.Problem(line: row.line, expected: "\(column): \(expected)", found: "'\(text)'")
            }
            return value
        }
        func hex(_ count: Int) -> (String) -> String? {
            { text in text.utf8.count == count && text.utf8.allSatisfy { Hex.number([$0], as: UInt8.self) != nil } ? text.uppercased() : nil
            }
        }
        let hash = try value(columns.manufacturerImageHash, "64 hex digits") { SHA256Value($0) }
        return (
            hash,
            Entry(
                manufacturer: try value(columns.manufacturer, "4 hex digits", hex(4)),
                model: try value(columns.model, "8 hex digits", hex(8)),
                hardwareVersion: try value(columns.hardwareVersion, "4 hex digits") { HardwareVersion($0) },
                firmwareVersion: try value(columns.firmwareVersion, "8 hex digits") { FirmwareVersion($0) },
                status: try value(columns.status, "a word") { $0.isEmpty ? nil : $0 }, line: row.line)
        )
    }
}
