import ArgumentParser
import Foundation
import TerminalView

/// How every command prints.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    /// Colour only on a terminal, and not where NO_COLOR is set.
    var style: Style {
        let isTerminal = isatty(1) == 1
        return Style(isColoured: isTerminal && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty)
    }

    func printJSON(_ value: some Encodable, pretty: Bool = true) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        Terminal.print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// Where the daemon is.
struct BenchOptions: ParsableArguments {
    @Option(help: "The daemon's socket. Default: $REFLASH_SOCKET, or /run/reflash/reflashd.sock.")
    var socket: String?

    @OptionGroup var output: OutputOptions

    var client: BenchClient { Self.client(socket) }

    static func client(_ socket: String?) -> BenchClient {
        BenchClient(
            socket: socket ?? ProcessInfo.processInfo.environment["REFLASH_SOCKET"] ?? "/run/reflash/reflashd.sock")
    }
}

/// Runs a command's body and turns what went wrong into one line and exit status 1.
func complaining(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let exit as ExitCode {
        throw exit
    } catch {
        FileHandle.standardError.write(Data("reflashctl: \(error)\n".utf8))
        throw ExitCode.failure
    }
}

/// The terminal that this runs in.
enum Terminal {
    static func print(_ text: String) { write("\(text)\n") }

    /// A reader that has seen enough (`| head`) ends the program, and is no error.
    static func write(_ text: String) {
        do { try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) } catch { exit(0) }
    }

    /// Columns and rows; 140 and none where there is no terminal.
    static var size: (columns: Int, rows: Int?) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (140, nil) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
