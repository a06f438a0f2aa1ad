internal import BenchModel
internal import CFuse
internal import Foundation

/// `hubsim run`: a command inside a private namespace in which the simulated dock is plugged in.
///
/// Two processes: the one that was started waits outside, forwards signals and takes over the exit status; the first
/// process of the namespace serves the dock and starts the command. If either is killed the other ends too, and with the
/// namespace's first process the kernel ends everything in it and takes its mounts away.
public enum Supervisor {
    /// Runs the command and returns its exit status. To be called while the process has one thread.
    /// - Throws: ``SimulatorError`` where the namespace can't be made.
    public static func run(
        _ dock: DockDescription, socket: String, command: [String]
    ) throws(SimulatorError) -> Int32 {
        let listener = try ControlSocket.listen(at: socket)
        defer { unsafe unlink(socket) }
        try enterUserNamespace()
        // The kernel wants it to be opened in the namespace that mounts it.
        let fuse = unsafe open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard fuse >= 0 else {
            throw SimulatorError(
                "/dev/fuse: \(unsafe String(cString: strerror(errno))); install fuse3 and give yourself access to it")
        }
        try SystemCall.check("unshare(CLONE_NEWPID)", hubsim_unshare(0, 0, 0, 1))
        let signals = try SystemCall.check("signalfd", hubsim_signal_descriptor())
        // Its write end is this process' alone: however this process ends, the other one finds the pipe's end.
        var lifeline: [CInt] = [-1, -1]
        guard unsafe pipe(&lifeline) == 0 else { throw SimulatorError("pipe: \(unsafe String(cString: strerror(errno)))") }
        for descriptor in lifeline { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let child = try SystemCall.check("fork", hubsim_fork())
        if child == 0 {
            close(lifeline[1])
            exit(
                NamespaceInit.main(
                    dock, socket: socket, listener: listener, fuse: fuse, signals: signals, lifeline: lifeline[0], command: command))
        }
        close(lifeline[0])
        close(listener)
        close(fuse)
        return forward(signals, to: child)
    }

    /// As an ordinary user the rest needs a user namespace, in which this user is root.
    private static func enterUserNamespace() throws(SimulatorError) {
        let (user, group) = (geteuid(), getegid())
        guard user != 0 else { return }
        let result = hubsim_unshare(1, 0, 0, 0)
        guard result >= 0 else {
            throw SimulatorError(
                "unshare(CLONE_NEWUSER): \(unsafe String(cString: strerror(-result))); allow unprivileged user namespaces "
                    + "(sysctl kernel.unprivileged_userns_clone=1), or run as root")
        }
        for (file, text) in [
            ("setgroups", "deny"), ("uid_map", "0 \(user) 1"), ("gid_map", "0 \(group) 1"),
        ] {
            let descriptor = unsafe open("/proc/self/\(file)", O_WRONLY | O_CLOEXEC)
            defer { close(descriptor) }
            guard unsafe write(descriptor, text, text.utf8.count) == text.utf8.count else {
                throw SimulatorError("/proc/self/\(file): \(unsafe String(cString: strerror(errno)))")
            }
        }
    }

    private static func forward(_ signals: CInt, to child: CInt) -> Int32 {
        while true {
            var status: CInt = 0
            if unsafe waitpid(child, &status, WNOHANG) == child { return hubsim_exit_status(status) }
            let signal = hubsim_next_signal(signals)
            // What the terminal sends goes to the whole foreground group by itself.
            if signal > 0, signal != SIGCHLD { kill(child, signal) }
        }
    }
}

/// The first process of the namespace.
enum NamespaceInit {
    static func main(
        _ description: DockDescription, socket: String, listener: CInt, fuse: CInt, signals: CInt, lifeline: CInt,
        command: [String]
    ) -> Int32 {
        Thread.detachNewThread { @Sendable in
            var byte: UInt8 = 0
            while unsafe read(lifeline, &byte, 1) > 0 {}
            // The outer process was killed. With this one, the kernel ends all that runs in the namespace.
            unsafe unlink(socket)
            _exit(128 + SIGKILL)
        }

        do throws(SimulatorError) {
            try SystemCall.check("unshare(CLONE_NEWNS | CLONE_NEWNET)", hubsim_unshare(0, 1, 1, 0))
            try PrivateTree.make()
            let dock = try SimulatedDock(description, publisher: try NamespacePublisher())
            let server = try UsbfsServer(dock, fuse: fuse)
            Thread.detachNewThread { @Sendable in server.serve() }
            try dock.plugAll()
            let control = ControlServer(dock, listener: listener)
            defer { control.stop() }
            let child = try spawn(command, socket: socket)
            let status = wait(for: child, signals)
            unsafe unlink(socket)
            return status
        } catch {
            unsafe unlink(socket)
            FileHandle.standardError.write(Data("hubsim: \(error)\n".utf8))
            return 125
        }
    }

    private static func spawn(_ command: [String], socket: String) throws(SimulatorError) -> CInt {
        var environment = ProcessInfo.processInfo.environment
        // libudev would insist that /sys is a sysfs.
        environment["SYSTEMD_DEVICE_VERIFY_SYSFS"] = "0"
        environment["HUBSIM_SOCKET"] = socket
        let arguments = CStrings(command)
        let variables = CStrings(environment.map { "\($0.key)=\($0.value)" })
        return try SystemCall.check("fork", unsafe hubsim_spawn(arguments.pointer, variables.pointer))
    }

    /// Reaps every process of the namespace until the command has ended, and forwards signals to it.
    private static func wait(for child: CInt, _ signals: CInt) -> Int32 {
        while true {
            var status: CInt = 0
            var pid = unsafe waitpid(-1, &status, WNOHANG)
            while pid > 0 {
                if pid == child { return hubsim_exit_status(status) }
                pid = unsafe waitpid(-1, &status, WNOHANG)
            }
            let signal = hubsim_next_signal(signals)
            if signal > 0, signal != SIGCHLD { kill(child, signal) }
        }
    }
}

/// Strings as C wants them for exec, ended by a null pointer.
@safe
private final class CStrings {
    private let storage: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private let count: Int
    var pointer: UnsafePointer<UnsafePointer<CChar>?> { unsafe UnsafePointer(storage) }

    init(_ strings: [String]) {
        count = strings.count
        unsafe storage = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { unsafe storage[index] = UnsafePointer(strdup(string)) }
        unsafe storage[strings.count] = nil
    }

    deinit {
        for index in 0..<count { unsafe free(UnsafeMutablePointer(mutating: storage[index])) }
        unsafe storage.deallocate()
    }
}
