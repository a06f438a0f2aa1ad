import Foundation

/// Where words go.
enum Output {
    static func error(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
