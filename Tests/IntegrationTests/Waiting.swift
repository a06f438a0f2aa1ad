import Foundation

/// Waits for what nothing tells of; at most 20 seconds.
func until(_ what: String, _ isTrue: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(20))
    while try !isTrue() {
        guard ContinuousClock.now < deadline else { throw NotSeen(description: "not within 20 s: \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

func appears(_ path: String) async throws { try await until("\(path) appears") { FileManager.default.fileExists(atPath: path) } }

func gone(_ path: String) async throws { try await until("\(path) goes") { !FileManager.default.fileExists(atPath: path) } }

/// Waits until a file has a text in it.
func contains(_ path: String, _ text: String) async throws {
    try await until("'\(text)' in \(path)") { (try? String(contentsOfFile: path, encoding: .utf8))?.contains(text) == true }
}
