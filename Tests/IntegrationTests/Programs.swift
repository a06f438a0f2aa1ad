import Foundation
import Synchronization
import Testing

/// The programs that this package builds, and other people's, run as processes.
enum Programs {
    /// Where the test bundle lies, and with it the programs.
    static let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    static func path(_ name: String) -> String {
        switch name {
        case "reflashd", "reflashctl", "hubsim": "\(folder)/\(name)"
        case "imgtool": "\(packageRoot)/.venv/bin/imgtool"
        default: name
        }
    }

    /// How a process ended and what it printed.
    struct Result: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Runs a program to its end.
    @discardableResult
    static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], in folder: String? = nil
    ) async throws -> Result {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)").path
        let (out, err) = (scratch + ".out", scratch + ".err")
        defer { for file in [out, err] { try? FileManager.default.removeItem(atPath: file) } }
        let process = try start(name, arguments, output: out, errors: err, environment: environment, in: folder)
        let status = await process.ended
        return Result(
            status: status, output: try String(contentsOfFile: out, encoding: .utf8), errors: try String(contentsOfFile: err, encoding: .utf8))
    }

    /// Starts a program with its output in files.
    static func start(
        _ name: String, _ arguments: [String], output: String, errors: String, environment: [String: String] = [:], in folder: String? = nil
    ) throws -> RunningProgram {
        for file in [output, errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [path(name)] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: errors))
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        return try RunningProgram(process)
    }
}

/// A process under way. Sendable: `Process` is only asked for its number and sent signals after it was started.
final class RunningProgram: @unchecked Sendable {
    private let process: Process
    private let exit: AsyncStream<Int32>
    private let status = Mutex<Int32?>(nil)

    init(_ process: Process) throws {
        self.process = process
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(1))
        exit = stream
        process.terminationHandler = { ended in
            continuation.yield(ended.terminationReason == .uncaughtSignal ? 128 + ended.terminationStatus : ended.terminationStatus)
            continuation.finish()
        }
        try process.run()
    }

    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// The exit status, once the process has ended.
    var ended: Int32 {
        get async {
            for await value in exit { status.withLock { $0 = value } }
            return status.withLock { $0 } ?? -1
        }
    }

    func signal(_ number: Int32) { kill(pid, number) }
}

/// A folder that goes with its test.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "it-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
