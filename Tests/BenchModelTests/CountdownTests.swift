import BenchModel
import Testing

@Suite(.timeLimit(.minutes(1))) struct CountdownTests {
    @Test func `a short one runs out before a long one that was begun earlier`() async {
        let (over, report) = AsyncStream.makeStream(of: String.self)
        let long = Countdown(.seconds(86_400)) { report.yield("long") }
        _ = Countdown(.milliseconds(10)) { report.yield("short") }
        #expect(await over.first { _ in true } == "short")
        #expect(long.cancel())
    }

    @Test func `one that is cancelled does not run out, and one that ends after it does`() async {
        let (over, report) = AsyncStream.makeStream(of: String.self)
        let first = Countdown(.seconds(1)) { report.yield("cancelled") }
        _ = Countdown(.milliseconds(1050)) { report.yield("kept") }
        #expect(first.cancel())
        #expect(!first.cancel())
        #expect(await over.first { _ in true } == "kept")
    }

    @Test func `one that has run out can't be cancelled`() async {
        let (over, report) = AsyncStream.makeStream(of: Void.self)
        let countdown = Countdown(.zero) { report.yield() }
        for await _ in over { break }
        #expect(!countdown.cancel())
    }

    @Test func `a sleep does not end before its time`() async throws {
        let clock = SystemClock()
        let deadline = clock.now + .milliseconds(5)
        try await clock.sleep(until: deadline)
        #expect(clock.now >= deadline)
    }

    @Test func `a task that is cancelled in its sleep sleeps no longer`() async throws {
        let (begun, report) = AsyncStream.makeStream(of: Void.self)
        let sleeping = Task {
            report.yield()
            try await SystemClock().sleep(for: .seconds(86_400))
        }
        for await _ in begun { break }
        try await SystemClock().sleep(for: .milliseconds(20))
        sleeping.cancel()
        await #expect(throws: CancellationError.self) { try await sleeping.value }
    }

    @Test func `a task that is cancelled before does not sleep`() async {
        let sleeping = Task {
            while !Task.isCancelled { await Task.yield() }
            try await SystemClock().sleep(for: .seconds(86_400))
        }
        sleeping.cancel()
        await #expect(throws: CancellationError.self) { try await sleeping.value }
    }

    @Test func `a time far away is not taken for one that has passed`() async {
        let far = Countdown(.seconds(Int64.max)) {}
        try? await SystemClock().sleep(for: .milliseconds(5))
        #expect(far.cancel())
    }
}
