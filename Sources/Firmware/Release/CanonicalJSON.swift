internal import Foundation

/// JSON in one form only: the members of a type and no others, each once, sorted by name; only white space is free. So nobody can read
/// something else in what was signed than the bench does.
enum CanonicalJSON {
    /// The bytes that people sign: indented, with a line end.
    static func encoded(_ value: some Encodable) throws -> [UInt8] {
        Array(try encoder(.prettyPrinted).encode(value)) + [10]
    }

    /// - Throws: ``FirmwareProblem`` of code `code`, in the file called `name`.
    static func decoded<Value: Codable>(
        _ json: [UInt8], as _: Value.Type, name: String, code: FirmwareProblem.Code, expected: String
    ) throws(FirmwareProblem) -> Value {
        func malformed(_ found: String, at path: [any CodingKey] = []) -> FirmwareProblem {
            let steps = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
            let place = steps.joined(separator: "").drop { $0 == "." }
            return FirmwareProblem(code, at: nil, field: place.isEmpty ? name : "\(name) \(place)", expected: expected, found: found)
        }
        let value: Value
        do {
            value = try JSONDecoder().decode(Value.self, from: Data(json))
        } catch let error as DecodingError {
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                throw malformed(context.debugDescription, at: context.codingPath)
            case .keyNotFound(let key, let context): throw malformed("none", at: context.codingPath + [key])
            @unknown default: throw malformed("\(error)")
            }
        } catch {
            throw malformed("\(error)")
        }
        guard let canonical = try? Array(encoder([]).encode(value)) else { throw malformed("it can't be written again") }
        if let difference = firstDifference(of: json, from: canonical) {
            throw FirmwareProblem(
                code, at: difference, field: name,
                expected: "\(expected): its members and no others, each once, sorted by name, as reflashctl writes them",
                found: "something else from here on")
        }
        return value
    }

    private static func encoder(_ formatting: JSONEncoder.OutputFormatting) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, formatting]
        return encoder
    }

    /// Where in `text`, white space left out, something else comes than in `compact`; `nil` where all is the same.
    private static func firstDifference(of text: [UInt8], from compact: [UInt8]) -> Int? {
        var isInString = false
        var isEscaped = false
        var expected = compact.makeIterator()
        for (offset, byte) in text.enumerated() {
            if !isInString, [9, 10, 13, 32].contains(byte) { continue }
            guard expected.next() == byte else { return offset }
            if isInString {
                if byte == UInt8(ascii: "\""), !isEscaped { isInString = false }
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            }
        }
        return expected.next() == nil ? nil : text.count
    }
}

/// A time as it is written in what is signed: UTC, whole seconds, `2026-11-20T10:00:00Z`.
enum SignedTime {
    /// Exactly this form: a style that reads more would let one time be written in many ways.
    static func date(_ text: String) -> Date? {
        guard text.utf8.count == 20, text.hasSuffix("Z") else { return nil }
        return try? Date(text, strategy: .iso8601)
    }
}
