import Foundation
import Testing

/// Real Zephyr and MCUboot firmware, on boards that qemu-system-arm emulates, reflashed by the daemon. `make test-interop` takes
/// every board there is, beside smpclient.
@Suite(.timeLimit(.minutes(5)), .serialized) struct BoardTests {
    @Test func `three boards are taken from the upload to the running new image`() async throws {
        let result = try await Programs.run(
            "venv-python",
            ["\(Programs.packageRoot)/Tests/Interop/interop.py", "--ours", "cortex_m0|serial_recovery$|recovery_raw_cobs .recovery"],
            environment: ["REFLASH_BIN": Programs.folder])
        #expect(result.status == 0)
        #expect(result.output.hasSuffix("interop: 3 boards, 3 reflashed\n"), "\(result.output)\(result.errors)")
    }
}
