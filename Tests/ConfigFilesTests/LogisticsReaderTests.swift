import BenchModel
import ConfigFiles
import Testing

@Suite struct LogisticsReaderTests {
    private static let start = """
        bench: rack-a
        journal: j.sqlite
        socket: s.sock
        """
    private static let rest = """
        releases:
          {store: r, trust: {roots: t}, statements: by-role, checksOff: [central-products-list]}
        profiles:
          hub: {variant: 4G, protocol: dfu, runtime: {A: "1"}, bootloader: {A: "2"}, identity: serial-number, version: none,
            components: {application: {alternate: 0}}, bounds: {contact: 30 s}}
        slots: {A1: p-usb-0:1}
        """

    private func load(_ logistics: String) throws(ConfigError) -> BenchConfig {
        try BenchConfigFile.parse("\(Self.start)\nlogistics: \(logistics)\n\(Self.rest)\n", file: "bench.yaml")
    }

    @Test func `how loads are handled is read`() throws {
        let config = try load(
            """
            {companyPrefix: "5012345", location: "5012345000008", namespace: https://bench.example/, cartonCapacity: 12, palletCapacity: 30,
              ssccExtension: 3, ssccFrom: 1000, minimumLoad: carton, expectedOnly: false}
            """)
        let logistics = try #require(config.logistics)
        #expect(logistics.companyPrefix.digits == "5012345")
        #expect(logistics.location.digits == "5012345000008")
        #expect([logistics.cartonCapacity, logistics.palletCapacity, logistics.ssccExtension, logistics.ssccFrom] == [12, 30, 3, 1000])
        #expect(logistics.minimumLoad == .carton)
        #expect(!logistics.expectedOnly)
        #expect(config.profiles[0].bounds.contact == .seconds(30))
    }

    @Test func `where events are delivered, and the columns of return records, are read`() throws {
        let config = try load(
            """
            {companyPrefix: "5012345", location: "5012345000008", namespace: https://bench.example/,
              capture: {url: https://partner.example/capture, tokenFile: partner.token}, returnRecord: {Hub: chfId, Result: state}}
            """)
        let logistics = try #require(config.logistics)
        #expect(logistics.capture == CaptureTarget(url: "https://partner.example/capture", tokenFile: "partner.token"))
        #expect(logistics.returnColumns == [ReturnColumn(name: "Hub", field: .chfId), ReturnColumn(name: "Result", field: .state)])
    }

    @Test(arguments: [
        ("copies", CheckpointCopies.folder("copies")), ("https://vault.example/rack-a/", .server("https://vault.example/rack-a/")),
        ("http://127.0.0.1:8080", .server("http://127.0.0.1:8080")),
    ])
    func `checkpoints go to a folder or to a server`(place: String, copies: CheckpointCopies) throws {
        let text = "\(Self.start)\ncheckpoints: \(place)\n\(Self.rest)\n"
        #expect(try BenchConfigFile.parse(text, file: "bench.yaml").checkpoints == copies)
    }

    private static let party = "companyPrefix: \"5012345\", location: \"5012345000008\", namespace: https://b.example/"

    @Test(arguments: [
        (
            "{\(party), capture: {url: http://partner.example/capture}}",
            "bench.yaml:4: logistics.capture.url: expected an address that begins with https:// (http:// for this machine only), "
                + "found 'http://partner.example/capture'"
        ),
        ("{\(party), capture: {}}", "bench.yaml:4: logistics.capture: the key 'url' is missing"),
        ("{\(party), returnRecord: {}}", "bench.yaml:4: logistics.returnRecord: expected at least one column"),
        (
            "{companyPrefix: \"50\", location: \"5012345000008\", namespace: https://b.example/}",
            "bench.yaml:4: logistics.companyPrefix: expected a GS1 company prefix of 4 to 12 digits, found '50'"
        ),
        (
            "{companyPrefix: \"5012345\", location: \"5012345000009\", namespace: https://b.example/}",
            "bench.yaml:4: logistics.location: expected a GLN of 13 digits with its check digit, found '5012345000009'"
        ),
        (
            "{companyPrefix: \"5012345\", location: \"5012345000008\", namespace: bench}",
            "bench.yaml:4: logistics.namespace: expected a URI such as 'https://bench.example/reflash/', ending with '/', found 'bench'"
        ),
        ("{companyPrefix: \"5012345\", namespace: https://b.example/}", "bench.yaml:4: logistics: the key 'location' is missing"),
    ])
    func `each mistake is named`(logistics: String, message: String) {
        let error = #expect(throws: ConfigError.self) { try load(logistics) }
        #expect(error?.description == message)
    }
}
