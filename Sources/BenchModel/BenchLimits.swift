/// What the host can carry, and how long the daemon may take to stop.
public struct BenchLimits: Sendable, Equatable {
    /// Bytes of usbfs buffers that all sessions together may have queued. Linux caps them at 16 MiB a machine
    /// (`usbcore.usbfs_memory_mb`) unless told otherwise.
    public var usbfsMemory: Int
    /// Sessions that may be past their checks at the same time.
    public var concurrentSessions: Int
    /// How long running sessions may take to end after SIGTERM before they are cut and recorded as unknown.
    public var drain: Duration
    /// What each USB host controller carries.
    public var hostController: Capacity
    /// What each USB hub carries, with all USB hubs behind it.
    public var usbHub: Capacity
    /// The least time between two units' starts behind one USB hub: a unit that starts draws the most current.
    public var powerUpStagger: Duration

    /// What one USB host controller, or one USB hub, carries at the same time.
    public struct Capacity: Sendable, Equatable {
        /// Units that are written.
        public var devices: Int
        /// Their endpoints, endpoint 0 included. Common xHCI controllers have 96.
        public var endpoints: Int
        /// Bytes a second of control transfers at high speed: 15,872,000 at the most (USB 2.0 table 5-3, 64-byte packets).
        public var bandwidth: Int

        public init(devices: Int = 64, endpoints: Int = 96, bandwidth: Int = 15_872_000) {
            self.devices = devices
            self.endpoints = endpoints
            self.bandwidth = bandwidth
        }
    }

    /// Bytes a second of control transfers at full speed, which is what a USB hub's transaction translator carries for all full-speed
    /// units behind it (USB 2.0 table 5-2, 64-byte packets).
    public static let translatorBandwidth = 832_000

    /// What usbfs charges for one DFU unit, bytes: four transfers of a readback under way at once, each of libusb's most (4,096 bytes) and of what
    /// the kernel keeps for it, `struct async` and `struct urb` (drivers/usb/core/devio.c, proc_do_submiturb), some 400 bytes.
    public static let usbfsMemoryOfDFUUnit = 4 * (4096 + 512)

    public init(
        usbfsMemory: Int = 16 << 20, concurrentSessions: Int = 64, drain: Duration = .seconds(60),
        hostController: Capacity = Capacity(), usbHub: Capacity = Capacity(), powerUpStagger: Duration = .milliseconds(20)
    ) {
        self.usbfsMemory = usbfsMemory
        self.concurrentSessions = concurrentSessions
        self.drain = drain
        self.hostController = hostController
        self.usbHub = usbHub
        self.powerUpStagger = powerUpStagger
    }

    /// The same, with no more usbfs memory than the kernel gives to all programs. `mebibytes`: usbcore's `usbfs_memory_mb`; 0 for any amount,
    /// `nil` where the kernel has no USB.
    public func within(usbfsMebibytes mebibytes: Int?) -> BenchLimits {
        guard let mebibytes, mebibytes > 0 else { return self }
        var limits = self
        limits.usbfsMemory = min(usbfsMemory, mebibytes << 20)
        return limits
    }
}
