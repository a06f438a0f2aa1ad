import Foundation
import Subprocess
import SystemPackage
import Testing

/// The programs that this package builds, and other people's, run as processes.
enum Programs {
    /// Where the test bundle lies, and with it the programs.
    static let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path

    static func path(_ name: String) -> String {
        switch name {
        case "reflashd", "reflashctl", "hubsim", "clerk-script": "\(folder)/\(name)"
        case "imgtool", "smpmgr": "\(packageRoot)/.venv/bin/\(name)"
        case "venv-python": "\(packageRoot)/.venv/bin/python"
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
        let program = try await start(name, arguments, output: out, errors: err, environment: environment, in: folder)
        let status = await program.ended
        return Result(
            status: status, output: try String(contentsOfFile: out, encoding: .utf8),
            errors: try String(contentsOfFile: err, encoding: .utf8))
    }

    /// Starts a program with its output in files.
    static func start(
        _ name: String, _ arguments: [String], output: String, errors: String, environment: [String: String] = [:], in folder: String? = nil
    ) async throws -> RunningProgram {
        let executable = path(name)
        let configuration = Configuration(
            executable: executable.hasPrefix("/") ? .path(FilePath(executable)) : .name(executable), arguments: Arguments(arguments),
            environment: .inherit.updating(
                Dictionary(environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }, uniquingKeysWith: { first, _ in first })),
            workingDirectory: folder.map { FilePath($0) })
        let out = try FileDescriptor.open(output, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .otherRead])
        let err = try FileDescriptor.open(errors, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .otherRead])
        return try await RunningProgram.start { started in
            try await Subprocess.run(
                configuration, input: .none, output: .fileDescriptor(out, closeAfterSpawningProcess: true),
                error: .fileDescriptor(err, closeAfterSpawningProcess: true)
            ) { execution in started(execution.processIdentifier.value) }.terminationStatus
        }
    }
}

/// A process under way.
final class RunningProgram: Sendable {
    let pid: Int32
    private let task: Task<Int32, any Error>

    private init(pid: Int32, task: Task<Int32, any Error>) {
        self.pid = pid
        self.task = task
    }

    /// `run` calls what it is given with the process' number, and returns when the process has ended.
    static func start(
        _ run: @escaping @Sendable (@escaping @Sendable (Int32) -> Void) async throws -> TerminationStatus
    ) async throws -> RunningProgram {
        let (pids, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let task = Task<Int32, any Error> {
            defer { continuation.finish() }
            switch try await run({ continuation.yield($0) }) {
            case .exited(let code): return code
            case .signaled(let number): return 128 + number
            }
        }
        for await pid in pids { return RunningProgram(pid: pid, task: task) }
        _ = try await task.value
        throw NotSeen(description: "the process ended before it began")
    }

    /// The exit status, once the process has ended.
    var ended: Int32 { get async { (try? await task.value) ?? -1 } }

    func signal(_ number: Int32) { kill(pid, number) }
}

/// A folder that goes with its test.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "it-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
