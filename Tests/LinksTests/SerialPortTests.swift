import BenchModel
import Foundation
import Links
import Testing

/// Lines of the system's own: a pty for a tty, a loopback socket for a serial device server.
@Suite(.timeLimit(.minutes(1))) struct SerialPortTests {
    /// A pty's other side, as the unit's end.
    private final class Pty: Sendable {
        let master: CInt
        let node: String

        init() throws {
            master = Foundation.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
            var (unlocked, number): (CInt, CUnsignedInt) = (0, 0)
            // TIOCSPTLCK and TIOCGPTN of asm-generic/ioctls.h.
            try #require(master >= 0 && ioctl(master, 0x4004_5431, &unlocked) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
            node = "/dev/pts/\(number)"
        }

        deinit { close(master) }

        func write(_ bytes: [UInt8]) { _ = Foundation.write(master, bytes, bytes.count) }

        func read(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let got = Foundation.read(master, &bytes, count)
            return Array(bytes.prefix(max(0, got)))
        }
    }

    private func open(_ pty: Pty, baud: Int = 115_200) async throws -> any SerialPort {
        try await SerialHost().open(.tty(pty.node), LineSettings(baud: baud), timeout: .seconds(1))
    }

    @Test func `bytes go out and come in as they are`() async throws {
        let pty = try Pty()
        let port = try await open(pty)
        let all = (0...255).map { UInt8($0) }
        try await port.write(all, timeout: .seconds(1))
        #expect(pty.read(512) == all)
        pty.write(all)
        var read: [UInt8] = []
        while read.count < all.count { read += try await port.read(timeout: .seconds(1)) }
        #expect(read == all)
        await port.close()
    }

    @Test func `a read ends empty at its bound, and the line goes on`() async throws {
        let pty = try Pty()
        let port = try await open(pty)
        let nothing = try await port.read(timeout: .milliseconds(20))
        #expect(nothing.isEmpty)
        pty.write([1])
        let one = try await port.read(timeout: .seconds(1))
        #expect(one == [1])
        await port.close()
    }

    @Test func `a line is one program's alone, and free again when it is closed`() async throws {
        let pty = try Pty()
        let port = try await open(pty)
        let error = await #expect(throws: SerialError.self) { _ = try await open(pty) }
        #expect(error?.code == .busy)
        await port.close()
        try await open(pty).close()
    }

    @Test func `a reader is told at once when the line is closed, and when the other side is gone`() async throws {
        let pty = try Pty()
        let port = try await open(pty)
        async let closing: Void = port.close()
        let closed = await #expect(throws: SerialError.self) { while true { _ = try await port.read(timeout: .seconds(60)) } }
        #expect(closed?.code == .gone)
        await closing
        var other: Pty? = try Pty()
        let second = try await open(try #require(other))
        other = nil
        let hungUp = await #expect(throws: SerialError.self) { while true { _ = try await second.read(timeout: .seconds(60)) } }
        #expect(hungUp?.code == .gone)
        await second.close()
    }

    @Test func `bytes that nobody takes end at the bound`() async throws {
        let pty = try Pty()
        let port = try await open(pty)
        let error = await #expect(throws: SerialError.self) {
            try await port.write([UInt8](repeating: 1, count: 1 << 20), timeout: .milliseconds(50))
        }
        #expect(error?.code == .timeout)
        await port.close()
    }

    @Test func `what is no tty, or is not there, is said`() async throws {
        let file = await #expect(throws: SerialError.self) {
            _ = try await SerialHost().open(.tty("/dev/null"), LineSettings(), timeout: .seconds(1))
        }
        #expect(file?.code == .settings)
        let nothing = await #expect(throws: SerialError.self) {
            _ = try await SerialHost().open(.tty("/dev/reflash-none"), LineSettings(), timeout: .seconds(1))
        }
        #expect(nothing?.code == .gone)
    }

    @Test func `a device server that nobody runs is unreachable`() async throws {
        // Port 1 of the loopback interface: refused at once.
        let error = await #expect(throws: SerialError.self) {
            _ = try await SerialHost().open(.tcp(host: "127.0.0.1", port: 1), LineSettings(), timeout: .seconds(1))
        }
        #expect(error?.code == .unreachable)
        let noName = await #expect(throws: SerialError.self) {
            _ = try await SerialHost().open(.tcp(host: "no.such.host.invalid", port: 1), LineSettings(), timeout: .seconds(1))
        }
        #expect(noName?.code == .unreachable)
    }

    @Test(arguments: [50, 9600, 115_200, 250_000, 1_000_000, 12_345_678])
    func `any speed is set, whether it has a name or not`(baud: Int) async throws {
        let pty = try Pty()
        let port = try await open(pty, baud: baud)
        #expect(try Baud.of(pty.master) == baud)
        await port.close()
    }
}

/// The speed by TCGETS2 (asm-generic/ioctls.h), where termios has it as a number.
private enum Baud {
    static func of(_ descriptor: CInt) throws -> Int {
        var words = [UInt32](repeating: 0, count: 11)
        let result = words.withUnsafeMutableBytes { bytes in bytes.baseAddress.map { ioctl(descriptor, 0x802C_542A, $0) } }
        try #require(result == 0)
        return Int(words[10])
    }
}
