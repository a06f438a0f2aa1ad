import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)), .serialized) struct ConfigCommandTests {
    @Test func `a walk from slot to slot writes the map of the ports`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            // The hands: out of the slot where the unit is, and into the third, the first, and the third again by mistake.
            let hands = """
                reflashctl config suggest --slots X1-X2,Y1 --out \(folder)/slots.yaml 2> \(folder)/said &
                walk=$!
                await() { until grep -q "$1" \(folder)/said; do sleep 0.05; done; }
                await 'into slot X1'
                sleep 0.3
                hubsim ctl unplug A01; hubsim ctl plug \(SimulatedBench.chf(1)) A03
                await 'into slot X2'
                hubsim ctl unplug A03; sleep 0.3; hubsim ctl plug \(SimulatedBench.chf(1)) A03
                await 'is slot X1 already'
                hubsim ctl unplug A03; hubsim ctl plug \(SimulatedBench.chf(1)) A01
                await 'into slot Y1'
                hubsim ctl unplug A01; hubsim ctl plug \(SimulatedBench.chf(1)) A02
                wait $walk
                """
            let path = "\(Programs.folder):/usr/bin:/bin"
            let result = try await Programs.run(
                "hubsim", ["run", "--dock", bench.dock, "--socket", bench.controlSocket, "--", "timeout", "60", "bash", "-c", hands],
                environment: ["PATH": path])
            let said = (try? String(contentsOfFile: "\(folder)/said", encoding: .utf8)) ?? ""
            #expect(result.status == 0, "\(result.errors)\(said)")
            let map = try String(contentsOfFile: "\(folder)/slots.yaml", encoding: .utf8)
            #expect(
                map == """
                    slots:
                      X1: pci-0000:00:14.0-usb-0:1.1.3
                      X2: pci-0000:00:14.0-usb-0:1.1.1
                      Y1: pci-0000:00:14.0-usb-0:1.1.2

                    """)
            #expect(said.contains("3 of 3 slots are in \(folder)/slots.yaml"))
        }
    }

    @Test func `rules that were made of another config are refused with the line`() async throws {
        try await withFolder { folder in
            let bench = "\(Programs.packageRoot)/bench-configs/usb-rack-16.yaml"
            let rules = try await Programs.run("reflashctl", ["config", "rules", bench])
            let file = "\(folder)/98.rules"
            try rules.output.write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try await Programs.run("reflashctl", ["config", "rules", bench, "--check", file]).status == 0)
            try rules.output.replacingOccurrences(of: "usb-0:1.5\"", with: "usb-0:1.15\"").write(
                toFile: file, atomically: true, encoding: .utf8)
            let result = try await Programs.run("reflashctl", ["config", "rules", bench, "--check", file])
            #expect(result.status == 1)
            #expect(result.errors.contains("\(file):") && result.errors.contains("usb-0:1.15"), "\(result.errors)")
        }
    }
}
