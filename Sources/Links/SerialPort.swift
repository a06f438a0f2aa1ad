/// One open serial line, seen as sessions need it: bytes out, bytes in, each wait with a bound.
///
/// Implemented by ``DescriptorPort`` for ttys and TCP connections and, without anything below it, by the simulator. One task
/// writes and reads at a time.
public protocol SerialPort: AnyObject, Sendable {
    /// Bytes that may be on their way before the line makes its writer wait.
    var capacity: Int { get }

    /// Returns once the system has taken all of `bytes`.
    func write(_ bytes: [UInt8], timeout: Duration) async throws(SerialError)

    /// What has arrived since the last call; waits for the first byte at most `timeout`. Empty where none came.
    func read(timeout: Duration) async throws(SerialError) -> [UInt8]

    /// Ends the line: whoever waits on it is told ``SerialError/Code/gone``. Calling it twice is harmless.
    func close() async
}

/// How a serial line failed.
public typealias SerialError = LinkError<SerialErrorCode>

/// Stable text for records.
public enum SerialErrorCode: String, Sendable, CaseIterable {
    /// The line is no longer there: unplugged, closed, hung up.
    case gone
    /// The system did not take the bytes within the bound.
    case timeout
    /// The task was cancelled.
    case cancelled
    /// This user may not open the tty.
    case access
    /// Another program holds the tty.
    case busy
    /// The tty does not take the profile's settings.
    case settings
    /// The host has no descriptor, or no memory, left for another line.
    case noMemory = "no-memory"
    /// Nobody answers at the address.
    case unreachable
    /// Anything else; the sentence has the cause.
    case io
}
