import TerminalView
import Testing

@Suite struct RateLineTests {
    @Test(arguments: [
        (0, 1000, 0.0, "0 % of 1000 events"), (500, 1000, 2.0, "50 % of 1000 events, 250 a second, 2 s left"),
        (1_000_000, 10_000_000, 10.0, "10 % of 10000000 events, 100000 a second, 1 min 30 s left"),
        (1000, 1000, 4.0, "100 % of 1000 events, 250 a second, 0 s left"),
    ])
    func `long work says its rate and the time that is left`(done: Int, total: Int, seconds: Double, text: String) {
        #expect(RateLine("events").text(done, of: total, after: seconds) == text)
    }
}
