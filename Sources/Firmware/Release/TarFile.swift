/// The files of a tar archive in the ustar format (POSIX.1-1988, pax(1) "ustar Interchange Format"), as far as a bundle may use it:
/// plain files side by side.
struct TarFile {
    static let block = 512
    /// Files in the order of the archive.
    private(set) var files: [(name: String, range: Range<Int>)] = []

    /// - Throws: ``FirmwareProblem`` at the first entry that is anything else, or where the archive ends too early.
    init(_ archive: any ImageBytes) throws(FirmwareProblem) {
        var offset = 0
        while true {
            guard archive.count - offset >= Self.block else { throw Self.truncated(offset, archive.count - offset) }
            let header = archive.bytes(offset..<offset + Self.block)
            if header.allSatisfy({ $0 == 0 }) { break }
            let entry = try Entry(header, at: offset)
            guard files.count < ReleaseBundle.mostFiles else {
                throw FirmwareProblem(
                    .bundleEntry, at: offset, field: "tar", expected: "at most \(ReleaseBundle.mostFiles) files", found: "more")
            }
            let start = offset + Self.block
            guard entry.size <= archive.count - start else { throw Self.truncated(start, archive.count - start, of: entry) }
            files.append((entry.name, start..<start + entry.size))
            offset = start + (entry.size + Self.block - 1) / Self.block * Self.block
            guard offset <= archive.count else { throw Self.truncated(start + entry.size, archive.count - start - entry.size) }
            guard archive.bytes(start + entry.size..<offset).allSatisfy({ $0 == 0 }) else {
                throw FirmwareProblem(
                    .bundleEntry, at: start + entry.size, field: "tar", expected: "zeros up to the next header", found: "other bytes")
            }
        }
        // Two blocks of zeros end an archive; what is behind them nobody hashes.
        let rest = archive.bytes(offset..<archive.count)
        guard rest.count >= 2 * Self.block else { throw Self.truncated(offset, rest.count) }
        guard rest.allSatisfy({ $0 == 0 }) else {
            throw FirmwareProblem(
                .bundleEntry, at: offset, field: "tar", expected: "zeros behind the last file", found: "other bytes")
        }
    }

    private static func truncated(_ offset: Int, _ found: Int, of entry: Entry? = nil) -> FirmwareProblem {
        FirmwareProblem(
            .truncated, at: offset, field: entry.map { "tar entry '\($0.name)'" } ?? "tar",
            expected: entry.map { "\($0.size) bytes" } ?? "a header, or two blocks of zeros at the end", found: "\(max(0, found)) bytes")
    }

    /// What a header says.
    private struct Entry {
        let name: String
        let size: Int

        init(_ header: [UInt8], at offset: Int) throws(FirmwareProblem) {
            func invalid(_ field: String, _ expected: String, _ found: String) -> FirmwareProblem {
                FirmwareProblem(.bundleEntry, at: offset, field: field, expected: expected, found: found)
            }
            // The sum of all bytes, the sum's own field taken as spaces.
            let sum = header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(header[$1])) }
            let digits = String(sum, radix: 8)
            let written = Array((String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "\0 ").utf8)
            guard Array(header[148..<156]) == written else { throw invalid("tar chksum", digits, Self.text(header[148..<156])) }
            guard Array(header[257..<262]) == Array("ustar".utf8) else { throw invalid("tar magic", "ustar", Self.text(header[257..<262])) }
            let name = Self.text(header[0..<100])
            guard header[156] == UInt8(ascii: "0") || header[156] == 0 else {
                let kind = Self.kinds[header[156]] ?? "an entry of type \(header[156])"
                throw invalid("tar typeflag of '\(name)'", "a plain file", kind)
            }
            guard header[345] == 0 else {
                throw invalid("tar prefix of '\(name)'", "none: a bundle has no folders", Self.text(header[345..<500]))
            }
            self.name = try ReleaseBundle.checked(name: name, at: offset)
            guard let size = Self.octal(header[124..<136]), size <= ReleaseBundle.mostBytes else {
                throw invalid("tar size of '\(name)'", "at most \(ReleaseBundle.mostBytes)", Self.text(header[124..<136]))
            }
            self.size = size
        }

        /// Octal digits, then a space or a zero byte.
        private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
            let digits = field.drop { $0 == 32 }.prefix { (48...55).contains($0) }
            let end = field[digits.endIndex...]
            guard !digits.isEmpty, digits.count <= 11, end.allSatisfy({ $0 == 0 || $0 == 32 }) else { return nil }
            return digits.reduce(0) { $0 << 3 | Int($1 - 48) }
        }

        private static func text(_ field: ArraySlice<UInt8>) -> String {
            String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
        }

        private static let kinds: [UInt8: String] = [
            UInt8(ascii: "1"): "a hard link", UInt8(ascii: "2"): "a symbolic link", UInt8(ascii: "3"): "a character device",
            UInt8(ascii: "4"): "a block device", UInt8(ascii: "5"): "a folder", UInt8(ascii: "6"): "a FIFO",
            UInt8(ascii: "x"): "a pax header (make the archive with tar --format=ustar)", UInt8(ascii: "g"): "a pax header",
            UInt8(ascii: "L"): "a GNU long name (make the archive with tar --format=ustar)",
        ]
    }
}

/// Makes a tar archive that is the same for the same files.
enum TarWriter {
    /// `files` in the order in which they are to lie in the archive.
    static func archive(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        var archive: [UInt8] = []
        for file in files {
            archive += header(file.name, size: file.bytes.count) + file.bytes
            archive += [UInt8](repeating: 0, count: (TarFile.block - file.bytes.count % TarFile.block) % TarFile.block)
        }
        return archive + [UInt8](repeating: 0, count: 2 * TarFile.block)
    }

    private static func header(_ name: String, size: Int) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: TarFile.block)
        func put(_ text: String, at offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
        func octal(_ value: Int, width: Int) -> String {
            let digits = String(value, radix: 8)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(size, width: 11), at: 124)
        put("00000000000", at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(header.reduce(0) { $0 + Int($1) }, width: 6), at: 148)
        header[154] = 0
        return header
    }
}
