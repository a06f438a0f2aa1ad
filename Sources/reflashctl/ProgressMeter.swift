import Foundation
import TerminalView

/// Shows on a terminal how far long work is; elsewhere nothing.
struct ProgressMeter: Sendable {
    private let line: RateLine
    private let isShown = isatty(2) == 1
    private let start = ContinuousClock.now

    init(_ noun: String) { line = RateLine(noun) }

    func show(_ done: Int, of total: Int) {
        guard isShown else { return }
        let passed = (ContinuousClock.now - start) / .seconds(1)
        // ECMA-48 §8.3.41: what was longer before is erased.
        FileHandle.standardError.write(Data("\r\(line.text(done, of: total, after: passed))\u{1B}[K".utf8))
    }

    /// Leaves the line empty for what is said next.
    func end() {
        if isShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}
