internal import Foundation

/// What the kernel says of usbfs.
public enum USBFSLimit {
    /// usbcore's `usbfs_memory_mb`: MiB of buffers that all programs together may have queued, 0 for any amount; `nil` where the kernel has no USB.
    /// It can be changed while the kernel runs.
    public static func mebibytes(in file: String = "/sys/module/usbcore/parameters/usbfs_memory_mb") -> Int? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
