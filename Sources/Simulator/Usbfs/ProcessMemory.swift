internal import CFuse
internal import Firmware
internal import Foundation
internal import Synchronization

/// A client's memory, which usbdevfs ioctls point into.
///
/// FUSE names the thread that called; a thread may end before what it queued does, so the process is looked up once for each.
final class ProcessMemory: Sendable {
    private let processes = Mutex<[Int32: Int32]>([:])

    /// The process that a thread belongs to.
    func process(of thread: Int32) -> Int32 {
        if let known = processes.withLock({ $0[thread] }) { return known }
        let status = (try? String(contentsOfFile: "/proc/\(thread)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("Tgid:") }
        let process = line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) } ?? thread
        processes.withLock { $0[thread] = process }
        return process
    }

    /// `nil` where the address is not the process' own.
    func read(_ count: Int, from address: UInt64, of process: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes {
            unsafe hubsim_read_memory(process, $0.baseAddress, address, $0.count)
        }
        return result == count ? bytes : nil
    }

    /// 0, or -errno.
    func write(_ bytes: [UInt8], to address: UInt64, of process: Int32) -> CInt {
        var pieces = Pieces()
        pieces.add(bytes, at: address)
        return write(pieces, of: process)
    }

    /// A number in the host's byte order; 0, or -errno.
    func write(_ number: some FixedWidthInteger, to address: UInt64, of process: Int32) -> CInt {
        var pieces = Pieces()
        pieces.add(number, at: address)
        return write(pieces, of: process)
    }

    /// All of the pieces, in one call of the kernel; 0, or -errno.
    func write(_ pieces: Pieces, of process: Int32) -> CInt {
        let result = unsafe pieces.bytes.withUnsafeBytes { bytes in
            unsafe pieces.places.withUnsafeBufferPointer { places in
                unsafe hubsim_write_memory(process, bytes.baseAddress, bytes.count, places.baseAddress, UInt(places.count))
            }
        }
        return result == pieces.bytes.count ? 0 : result < 0 ? CInt(result) : -EFAULT
    }

    /// What goes to several places of a client's memory. Safe: nothing here follows the addresses, which are another process'.
    @safe
    struct Pieces {
        fileprivate var bytes: [UInt8] = []
        fileprivate var places: [iovec] = unsafe []

        mutating func add(_ bytes: [UInt8], at address: UInt64) {
            guard !bytes.isEmpty else { return }
            self.bytes += bytes
            unsafe places.append(iovec(iov_base: UnsafeMutableRawPointer(bitPattern: UInt(address)), iov_len: bytes.count))
        }

        mutating func add(_ number: some FixedWidthInteger, at address: UInt64) {
            var bytes: [UInt8] = []
            bytes.appendLittleEndian(number)
            add(bytes, at: address)
        }
    }
}
