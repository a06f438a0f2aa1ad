import BenchModel
import Foundation
import Testing

/// `hubsim export` without a kernel at the other end.
@Suite(.timeLimit(.minutes(2)), .serialized) struct ExportTests {
    private static let port = 17_240

    private func writeDock(_ folder: String) throws {
        try """
        dock: export
        defaults: {variant: 4G, model: 010A030B, hardwareVersion: "0101", firmware: {empty: true}}
        slots: {A01: 1-1, B01: 2-1}
        units:
          - {slot: A01, chfId: 00-DB-12-34-56-78-90-01, gpfId: 00-DB-12-34-56-78-A0-01}
          - {slot: B01, variant: 2G/3G, chfId: 00-DB-12-34-56-78-92-01, gpfId: 00-DB-12-34-56-78-A2-01, firmware: {version: 00020100}, serial: {baud: 1000000}}
        """.write(toFile: "\(folder)/dock.yaml", atomically: true, encoding: .utf8)
    }

    @Test func `PyPI's usbip lists the units, downloads a block, and is answered over a CDC-ACM line that it has set`() async throws {
        try await withFolder { folder in
            try writeDock(folder)
            let socket = "\(folder)/ctl.sock"
            let export = try await Programs.start(
                "hubsim", ["export", "--dock", "\(folder)/dock.yaml", "--socket", socket, "--listen", "127.0.0.1:\(Self.port)"],
                output: "\(folder)/out", errors: "\(folder)/err")
            // It says so when all units are plugged in.
            try await contains("\(folder)/err", "2 units of dock 'export' lent at 127.0.0.1:\(Self.port)")
            let client = try await Programs.run(
                "venv-python", ["\(Programs.packageRoot)/Tests/Judges/usbip_client.py", "\(Self.port)", "1-1", "2-1"])
            #expect(client.status == 0, "\(client.errors)")
            #expect(client.output.contains("1-1 1209:4c02 [(254, 1, 2)]"))
            #expect(client.output.contains("2-1 1209:2c01 [(2, 2, 0), (10, 0, 0)]"))
            #expect(client.output.contains("borrowed and given back"))
            #expect(client.output.contains("downloaded 4096"))
            #expect(client.output.contains("echo hello"))
            let list = try await Programs.run("hubsim", ["ctl", "list", "--json", "--socket", socket])
            #expect(list.output.contains("\"downloadsBegun\" : 1"))
            #expect(list.output.contains("\"baud\" : 1000000"))
            export.signal(SIGTERM)
            #expect(await export.ended == 0)
            #expect(!FileManager.default.fileExists(atPath: socket))
        }
    }
}
