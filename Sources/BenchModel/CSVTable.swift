/// A table in CSV (RFC 4180) with a line of column names first: UTF-8, commas, CR LF or LF.
///
/// Strict: what another reader could read differently is an error that names its line.
public struct CSVTable: Sendable {
    /// What is wrong with a table, and where.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// Counted from 1.
        public let line: Int
        /// What should be there.
        public let expected: String
        /// What is there.
        public let found: String

        public init(line: Int, expected: String, found: String) {
            self.line = line
            self.expected = expected
            self.found = found
        }

        public var description: String { "line \(line): expected \(expected), found \(found)" }
    }

    /// One line of the table below the names.
    public struct Row: Sendable {
        /// Where it begins, counted from 1.
        public let line: Int
        let fields: [String]
    }

    /// The names of the columns, in their order.
    public let columns: [String]
    /// In the order of the file.
    public let rows: [Row]
    /// Lines with more or fewer fields than the first, where they were asked for; they are in no row.
    public let uneven: [Problem]

    /// Bytes of a table.
    public static let mostBytes = 32 << 20
    /// Columns of a table.
    public static let mostColumns = 64

    /// - Throws: ``Problem`` at the first thing that is no such table.
    /// `mostBytes`: larger tables are refused unread. `listsUneven`: lines of another width are listed instead, all of them.
    public init(_ bytes: [UInt8], mostBytes: Int = Self.mostBytes, listsUneven: Bool = false) throws(Problem) {
        guard bytes.count <= mostBytes else {
            throw Problem(line: 1, expected: "at most \(mostBytes) bytes", found: "\(bytes.count)")
        }
        guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else {
            throw Problem(line: 1, expected: "UTF-8", found: "UTF-16; save it as 'CSV UTF-8'")
        }
        var reader = Reader(bytes: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...])
        guard let head = try reader.next() else { throw Problem(line: 1, expected: "the names of the columns", found: "nothing") }
        guard head.fields.count <= Self.mostColumns else {
            throw Problem(line: 1, expected: "at most \(Self.mostColumns) columns", found: "\(head.fields.count)")
        }
        for (index, name) in head.fields.enumerated() where head.fields[..<index].contains(name) {
            throw Problem(line: 1, expected: "each column once", found: "'\(name)' again")
        }
        columns = head.fields
        var rows: [Row] = []
        var uneven: [Problem] = []
        while let row = try reader.next() {
            if row.fields.count == head.fields.count {
                rows.append(row)
                continue
            }
            uneven.append(
                Problem(line: row.line, expected: "\(head.fields.count) fields, as the first line has", found: "\(row.fields.count)"))
            if !listsUneven { throw uneven[0] }
        }
        (self.rows, self.uneven) = (rows, uneven)
    }

    /// A row's field in the column of this name; `nil` where there is no such column.
    public func field(_ name: String, of row: Row) -> String? {
        columns.firstIndex(of: name).map { row.fields[$0] }
    }

    private struct Reader {
        let bytes: ArraySlice<UInt8>
        var index: Int
        var line = 1

        init(bytes: ArraySlice<UInt8>) {
            self.bytes = bytes
            index = bytes.startIndex
        }

        /// The next line that is not empty; `nil` at the end.
        mutating func next() throws(Problem) -> Row? {
            while index < bytes.endIndex, isLineEnd(bytes[index]) { try endLine() }
            guard index < bytes.endIndex else { return nil }
            let start = line
            var fields: [String] = []
            repeat {
                // Not more than is looked at: a line of commas alone must not fill the memory.
                guard fields.count <= CSVTable.mostColumns else {
                    throw Problem(line: start, expected: "at most \(CSVTable.mostColumns) fields", found: "more")
                }
                fields.append(try field())
            } while try comma()
            return Row(line: start, fields: fields)
        }

        /// Whether another field follows.
        private mutating func comma() throws(Problem) -> Bool {
            guard index < bytes.endIndex else { return false }
            if bytes[index] == UInt8(ascii: ",") {
                index += 1
                return true
            }
            try endLine()
            return false
        }

        private mutating func field() throws(Problem) -> String {
            let isQuoted = index < bytes.endIndex && bytes[index] == UInt8(ascii: "\"")
            let text = isQuoted ? try quoted() : plain()
            guard let string = String(validating: text, as: UTF8.self), !text.contains(0) else {
                throw Problem(line: line, expected: "UTF-8 text", found: "other bytes; save the table as 'CSV UTF-8'")
            }
            if !isQuoted, string.contains("\"") {
                throw Problem(line: line, expected: "a field that has quotes to be in quotes, each written twice", found: "'\(string)'")
            }
            return string
        }

        private mutating func plain() -> [UInt8] {
            let start = index
            while index < bytes.endIndex, bytes[index] != UInt8(ascii: ","), !isLineEnd(bytes[index]) { index += 1 }
            return Array(bytes[start..<index])
        }

        private mutating func quoted() throws(Problem) -> [UInt8] {
            let begun = line
            var text: [UInt8] = []
            index += 1
            while index < bytes.endIndex {
                let byte = bytes[index]
                index += 1
                if byte == UInt8(ascii: "\"") {
                    guard index < bytes.endIndex, bytes[index] == byte else {
                        guard index == bytes.endIndex || bytes[index] == UInt8(ascii: ",") || isLineEnd(bytes[index]) else {
                            throw Problem(line: line, expected: "a comma or the line's end after a closing quote", found: "something else")
                        }
                        return text
                    }
                    index += 1
                }
                if byte == 10 { line += 1 }
                text.append(byte)
            }
            throw Problem(line: begun, expected: "a closing quote", found: "the end of the table")
        }

        private func isLineEnd(_ byte: UInt8) -> Bool { byte == 10 || byte == 13 }

        private mutating func endLine() throws(Problem) {
            if bytes[index] == 13 {
                index += 1
                guard index < bytes.endIndex, bytes[index] == 10 else {
                    throw Problem(line: line, expected: "LF after CR", found: "something else")
                }
            }
            index += 1
            line += 1
        }
    }
}
