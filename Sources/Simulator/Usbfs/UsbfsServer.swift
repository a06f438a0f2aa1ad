internal import CFuse
internal import Foundation
internal import Synchronization

/// `/dev/bus/usb` as a FUSE file system: folders for buses, files for devices, whose ioctls are usbdevfs'.
///
/// The nodes are plain files: a character device's ioctls would go to the kernel and never arrive here.
@safe
final class UsbfsServer: @unchecked Sendable {
    // Sendable: `session` is libfuse's, which locks for itself; the files are behind a lock.
    private let dock: SimulatedDock
    private let session: OpaquePointer
    private let files = Mutex<[UInt64: UsbfsFile]>([:])
    private let lastHandle = Mutex<UInt64>(0)

    private static let threads: UInt32 = 64
    private static let mountPoint = "/dev/bus/usb"
    private static let root: UInt64 = 1
    /// inode of a bus: this + bus number; of a device: this + bus × 256 + device number.
    private static let firstBus: UInt64 = 0x100
    private static let firstDevice: UInt64 = 0x10000

    /// Mounts the file system; it answers once ``serve()`` runs. `fuse` is an open `/dev/fuse`.
    init(_ dock: SimulatedDock, fuse: CInt) throws(SimulatorError) {
        self.dock = dock
        var operations = fuse_lowlevel_ops()
        Self.fill(&operations)
        let box = UsbfsServerBox()
        let user = unsafe Unmanaged.passRetained(box).toOpaque()
        let session: OpaquePointer? = unsafe ["hubsim".withCString { unsafe strdup($0) }].withUnsafeBufferPointer { names in
            var arguments = unsafe fuse_args(
                argc: 1, argv: UnsafeMutablePointer(mutating: names.baseAddress), allocated: 0)
            return unsafe fuse_session_new(&arguments, &operations, MemoryLayout<fuse_lowlevel_ops>.size, user)
        }
        guard let session = unsafe session else { throw SimulatorError("fuse_session_new failed") }
        unsafe self.session = session
        box.server = self
        try SystemCall.check(
            "mount \(Self.mountPoint)",
            unsafe hubsim_mount(
                "fuse", Self.mountPoint, "fd=\(fuse),rootmode=40000,user_id=\(getuid()),group_id=\(getgid()),allow_other"))
        try SystemCall.check("fuse_session_mount", unsafe fuse_session_mount(session, "/dev/fd/\(fuse)") == 0 ? 0 : -EINVAL)
    }

    /// Answers until the file system is unmounted, which for this one is when the namespace ends. Blocks.
    ///
    /// A thread for each of many units: one that hashes its image for a while is to hold up no other.
    func serve() {
        let result = unsafe hubsim_fuse_loop(session, Self.threads)
        guard result != 0 else { return }
        FileHandle.standardError.write(Data("hubsim: \(Self.mountPoint) is answered no more: libfuse's loop ended with \(result)\n".utf8))
    }

    // MARK: The tree

    private enum Node {
        case root
        case bus(Int)
        case device(BusDevice)
    }

    private func node(_ inode: UInt64) -> Node? {
        switch inode {
        case Self.root: return .root
        case Self.firstBus..<Self.firstDevice:
            let bus = Int(inode - Self.firstBus)
            return dock.devices.contains { $0.position.bus == bus } ? .bus(bus) : nil
        default:
            let value = Int(inode - Self.firstDevice)
            return dock.device(.init(bus: value >> 8, number: value & 0xFF)).map(Node.device)
        }
    }

    private static func inode(_ device: BusDevice) -> UInt64 {
        firstDevice + UInt64(device.position.bus << 8 | device.number)
    }

    private func attributes(_ inode: UInt64) -> stat? {
        guard let node = node(inode) else { return nil }
        var attributes = stat()
        attributes.st_ino = UInt(inode)
        attributes.st_nlink = 1
        switch node {
        case .root, .bus: attributes.st_mode = S_IFDIR | 0o755
        case .device: attributes.st_mode = S_IFREG | 0o660
        }
        return attributes
    }

    /// Name and inode of what a folder holds.
    private func children(of inode: UInt64) -> [(name: String, inode: UInt64)]? {
        switch node(inode) {
        case .root:
            Set(dock.devices.map(\.position.bus)).sorted().map { (BusDevice.padded($0), Self.firstBus + UInt64($0)) }
        case .bus(let bus):
            dock.devices.filter { $0.position.bus == bus }.map { (BusDevice.padded($0.number), Self.inode($0)) }
        case .device, nil:
            nil
        }
    }

    // MARK: Requests

    private func lookup(_ request: fuse_req_t, _ parent: UInt64, _ name: String) {
        guard let child = children(of: parent)?.first(where: { $0.name == name }), let found = attributes(child.inode) else {
            unsafe fuse_reply_err(request, ENOENT)
            return
        }
        var entry = fuse_entry_param()
        entry.ino = child.inode
        entry.attr = found
        unsafe fuse_reply_entry(request, &entry)
    }

    private func getattr(_ request: fuse_req_t, _ inode: UInt64) {
        guard var found = attributes(inode) else {
            unsafe fuse_reply_err(request, ENOENT)
            return
        }
        unsafe fuse_reply_attr(request, &found, 0)
    }

    private func readdir(_ request: fuse_req_t, _ inode: UInt64, size: Int, offset: Int) {
        guard let children = children(of: inode) else {
            unsafe fuse_reply_err(request, ENOTDIR)
            return
        }
        var buffer = [CChar](repeating: 0, count: size)
        var used = 0
        for (index, child) in children.enumerated().dropFirst(offset) {
            var found = attributes(child.inode) ?? stat()
            let room = size - used
            let needed = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
                unsafe fuse_add_direntry(
                    request, buffer.baseAddress.map { unsafe $0 + used }, room, child.name, &found, off_t(index + 1))
            }
            guard needed <= room else { break }
            used += needed
        }
        unsafe fuse_reply_buf(request, buffer, used)
    }

    private func open(_ request: fuse_req_t, _ inode: UInt64, _ info: UnsafeMutablePointer<fuse_file_info>) {
        guard case .device(let device) = node(inode) else {
            unsafe fuse_reply_err(request, EISDIR)
            return
        }
        let file = UsbfsFile(device: device, dock: dock)
        guard device.add(file) else {
            unsafe fuse_reply_err(request, ENODEV)
            return
        }
        let handle = lastHandle.withLock { handle in
            handle += 1
            return handle
        }
        files.withLock { $0[handle] = file }
        unsafe info.pointee.fh = handle
        unsafe hubsim_set_direct_io(info)
        unsafe fuse_reply_open(request, info)
    }

    private func release(_ request: fuse_req_t, _ handle: UInt64) {
        files.withLock { $0.removeValue(forKey: handle) }?.close()
        unsafe fuse_reply_err(request, 0)
    }

    private func read(_ request: fuse_req_t, _ handle: UInt64, size: Int, offset: Int) {
        guard let file = files.withLock({ $0[handle] }), !file.device.isGone else {
            unsafe fuse_reply_err(request, ENODEV)
            return
        }
        let bytes = file.device.descriptors.dropFirst(offset).prefix(size).map { CChar(bitPattern: $0) }
        unsafe fuse_reply_buf(request, bytes, bytes.count)
    }

    private func ioctl(_ request: fuse_req_t, _ handle: UInt64, _ number: UInt32, _ argument: UInt64) {
        guard let file = files.withLock({ $0[handle] }) else {
            unsafe fuse_reply_err(request, EBADF)
            return
        }
        let caller = unsafe fuse_req_ctx(request)?.pointee.pid ?? 0
        let result = file.ioctl(number, argument: argument, pid: caller)
        if result < 0 {
            unsafe fuse_reply_err(request, -result)
        } else {
            unsafe fuse_reply_ioctl(request, result, nil, 0)
        }
    }

    private func poll(_ request: fuse_req_t, _ handle: UInt64, _ poll: OpaquePointer?) {
        let poll = unsafe poll.map { unsafe PollHandle($0) }
        guard let file = files.withLock({ $0[handle] }) else {
            poll?.destroy()
            unsafe fuse_reply_err(request, EBADF)
            return
        }
        unsafe fuse_reply_poll(request, UInt32(UInt16(bitPattern: file.poll(poll))))
    }

    // MARK: libfuse's table

    fileprivate static func of(_ request: fuse_req_t?) -> (server: UsbfsServer, request: fuse_req_t)? {
        guard let request = unsafe request, let user = unsafe fuse_req_userdata(request) else { return nil }
        let box = unsafe Unmanaged<UsbfsServerBox>.fromOpaque(user).takeUnretainedValue()
        return unsafe box.server.map { unsafe ($0, request) }
    }

    private static func fill(_ operations: inout fuse_lowlevel_ops) {
        unsafe operations.lookup = { request, parent, name in
            guard let (server, request) = unsafe UsbfsServer.of(request), let name = unsafe name else { return }
            unsafe server.lookup(request, parent, String(cString: name))
        }
        unsafe operations.getattr = { request, inode, _ in
            guard let (server, request) = unsafe UsbfsServer.of(request) else { return }
            unsafe server.getattr(request, inode)
        }
        unsafe operations.readdir = { request, inode, size, offset, _ in
            guard let (server, request) = unsafe UsbfsServer.of(request) else { return }
            unsafe server.readdir(request, inode, size: size, offset: offset)
        }
        unsafe operations.open = { request, inode, info in
            guard let (server, request) = unsafe UsbfsServer.of(request), let info = unsafe info else { return }
            unsafe server.open(request, inode, info)
        }
        unsafe operations.release = { request, _, info in
            guard let (server, request) = unsafe UsbfsServer.of(request) else { return }
            unsafe server.release(request, info?.pointee.fh ?? 0)
        }
        unsafe operations.read = { request, _, size, offset, info in
            guard let (server, request) = unsafe UsbfsServer.of(request) else { return }
            unsafe server.read(request, info?.pointee.fh ?? 0, size: size, offset: offset)
        }
        unsafe operations.ioctl = { request, _, number, argument, info, _, _, _, _ in
            guard let (server, request) = unsafe UsbfsServer.of(request) else { return }
            unsafe server.ioctl(request, info?.pointee.fh ?? 0, number, UInt64(UInt(bitPattern: argument)))
        }
        unsafe operations.poll = { request, _, info, handle in
            guard let (server, request) = unsafe UsbfsServer.of(request) else { return }
            unsafe server.poll(request, info?.pointee.fh ?? 0, handle)
        }
    }
}

/// What libfuse keeps for us. Set once, before the session is mounted.
private final class UsbfsServerBox {
    var server: UsbfsServer?
}
