internal import CFuse
internal import Foundation

/// Makes the calling process' view of `/sys`, `/run` and `/dev` private: to be called once, in a mount namespace of its own.
enum PrivateTree {
    /// What of the host's `/dev` a program may rely on.
    private static let devices = [
        "null", "zero", "full", "random", "urandom", "tty", "shm", "fuse", "console",
    ]
    private static let deviceLinks = [
        "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
        "ptmx": "pts/ptmx",
    ]

    static func make() throws(SimulatorError) {
        try SystemCall.check("mount / private", hubsim_mount_private_root())
        try SystemCall.check("mount /proc", unsafe hubsim_mount("proc", "/proc", ""))
        try SystemCall.check("mount /sys", unsafe hubsim_mount("tmpfs", "/sys", "mode=755"))
        try shadow("/run", keeping: (try? FileManager.default.contentsOfDirectory(atPath: "/run")) ?? [], except: ["udev"])
        try shadow("/dev", keeping: devices, except: [])
        let files = PrivateFiles()
        try files.makeFolder("/dev/pts")
        try SystemCall.check("mount /dev/pts", unsafe hubsim_mount("devpts", "/dev/pts", "ptmxmode=666,mode=620"))
        for (name, destination) in deviceLinks { try files.link(destination, at: "/dev/\(name)") }
        try files.makeFolder("/dev/bus/usb")
        try SystemCall.check("loopback interface", hubsim_loopback_up())
    }

    /// Puts an empty folder over `folder` and binds what it held back into it.
    private static func shadow(
        _ folder: String, keeping names: [String], except left: Set<String>
    ) throws(SimulatorError) {
        // O_PATH descriptors keep what is about to be covered within reach.
        let kept = names.filter { !left.contains($0) }.compactMap { name in
            let descriptor = unsafe open("\(folder)/\(name)", hubsim_O_PATH | O_NOFOLLOW | O_CLOEXEC)
            return descriptor < 0 ? nil : (name: name, descriptor: descriptor)
        }
        defer { for entry in kept { close(entry.descriptor) } }
        try SystemCall.check("mount \(folder)", unsafe hubsim_mount("tmpfs", folder, "mode=755"))
        for (name, descriptor) in kept {
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else { continue }
            let target = "\(folder)/\(name)"
            switch status.st_mode & S_IFMT {
            case S_IFLNK:
                var text = [CChar](repeating: 0, count: 4096)
                let length = unsafe readlinkat(descriptor, "", &text, text.count)
                guard length > 0 else { continue }
                _ = unsafe symlink(text, target)
                continue
            case S_IFDIR:
                unsafe mkdir(target, 0o755)
            default:
                close(unsafe creat(target, 0o644))
            }
            // What can't be bound, a socket's stale file say, is left out.
            _ = unsafe hubsim_bind("/proc/self/fd/\(descriptor)", target)
        }
    }
}
