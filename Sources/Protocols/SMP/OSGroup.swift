/// Group 0, OS management (Zephyr `services/device_mgmt/smp_groups/smp_group_0`).
public enum OSGroup {
    public static let id: UInt16 = 0

    /// `enum os_mgmt_err_code_t`.
    static let errors = [
        1: "unknown error", 2: "invalid format", 3: "query yields no answer", 4: "RTC not set", 5: "RTC command failed",
    ]

    /// Command 0: the unit says the same.
    public struct Echo: SMPRequest {
        public static let (group, command, operation, name) = (OSGroup.id, UInt8(0), SMPOperation.write, "echo")
        /// `d`.
        public var text: String

        public init(_ text: String) { self.text = text }

        public init(body: CBOR) throws(SMPError) {
            text = try SMPFields(body, of: Self.name).required("d", "text", \.string)
        }

        public var body: CBOR { .map(["d": .text(text)]) }

        public struct Response: SMPBody {
            /// `r`.
            public var text: String

            public init(_ text: String) { self.text = text }

            public init(body: CBOR) throws(SMPError) {
                text = try SMPFields(body, of: Echo.name).required("r", "text", \.string)
            }

            public var body: CBOR { .map(["r": .text(text)]) }
        }
    }

    /// Command 5: the unit restarts once it has answered.
    public struct Reset: SMPRequest {
        public typealias Response = SMPDone
        public static let (group, command, operation, name) = (OSGroup.id, UInt8(5), SMPOperation.write, "reset")
        /// `force`: 1 also where the unit is busy.
        public var force: Int?
        /// `boot_mode`: 0 normal, 1 bootloader (MCUboot's serial recovery).
        public var bootMode: Int?

        public init(force: Int? = nil, bootMode: Int? = nil) {
            self.force = force
            self.bootMode = bootMode
        }

        public init(body: CBOR) throws(SMPError) {
            let fields = SMPFields(body, of: Self.name)
            self.init(force: try fields.count("force"), bootMode: try fields.count("boot_mode"))
        }

        public var body: CBOR { .map(of: ["force": force.map { CBOR($0) }, "boot_mode": bootMode.map { CBOR($0) }]) }
    }

    /// Command 6: what the server can take.
    public struct Parameters: SMPRequest {
        public static let (group, command, operation, name) = (OSGroup.id, UInt8(6), SMPOperation.read, "parameters")

        public init() {}
        public init(body: CBOR) throws(SMPError) {}
        public var body: CBOR { .map([:]) }

        public struct Response: SMPBody {
            /// `buf_size`: bytes of one buffer, as ``SMPBuffers/size``.
            public var bufferSize: Int
            /// `buf_count`.
            public var bufferCount: Int

            public init(bufferSize: Int, bufferCount: Int) {
                self.bufferSize = bufferSize
                self.bufferCount = bufferCount
            }

            public init(body: CBOR) throws(SMPError) {
                let fields = SMPFields(body, of: Parameters.name)
                let positive: (CBOR) -> Int? = { $0.integer.flatMap { $0 > 0 ? $0 : nil } }
                self.init(
                    bufferSize: try fields.required("buf_size", "a number from 1 on", positive),
                    bufferCount: try fields.required("buf_count", "a number from 1 on", positive))
            }

            public var body: CBOR { .map(["buf_size": CBOR(bufferSize), "buf_count": CBOR(bufferCount)]) }
        }
    }

    /// Command 7: who the unit is and what it runs, as text.
    public struct Info: SMPRequest {
        public static let (group, command, operation, name) = (OSGroup.id, UInt8(7), SMPOperation.read, "OS info")
        /// `format`: a letter for each part, `s n r v b m p i o`; `a` for all.
        public var format: String?

        public init(_ format: String? = nil) { self.format = format }

        public init(body: CBOR) throws(SMPError) { format = try SMPFields(body, of: Self.name).text("format") }

        public var body: CBOR { .map(of: ["format": format.map { .text($0) }]) }

        public struct Response: SMPBody {
            public var output: String

            public init(_ output: String) { self.output = output }

            public init(body: CBOR) throws(SMPError) {
                output = try SMPFields(body, of: Info.name).required("output", "text", \.string)
            }

            public var body: CBOR { .map(["output": .text(output)]) }
        }
    }

    /// Command 8: what the bootloader is, and how it activates images.
    public struct BootloaderInfo: SMPRequest {
        public static let (group, command, operation, name) = (OSGroup.id, UInt8(8), SMPOperation.read, "bootloader info")
        /// `query`: `mode` for MCUboot's mode; none for the bootloader's name.
        public var query: String?

        public init(_ query: String? = nil) { self.query = query }

        public init(body: CBOR) throws(SMPError) { query = try SMPFields(body, of: Self.name).text("query") }

        public var body: CBOR { .map(of: ["query": query.map { .text($0) }]) }

        public struct Response: SMPBody {
            /// `bootloader`: its name, where none was queried.
            public var bootloader: String?
            /// `mode`: MCUboot's, −1 unknown, 0 single slot, 1 swap with scratch, 2 overwrite, 3 swap without scratch,
            /// 4 and 5 direct XIP without and with revert, 6 RAM load.
            public var mode: Int?
            /// `no-downgrade`.
            public var noDowngrade: Bool?

            public init(bootloader: String? = nil, mode: Int? = nil, noDowngrade: Bool? = nil) {
                self.bootloader = bootloader
                self.mode = mode
                self.noDowngrade = noDowngrade
            }

            public init(body: CBOR) throws(SMPError) {
                let fields = SMPFields(body, of: BootloaderInfo.name)
                self.init(
                    bootloader: try fields.text("bootloader"), mode: try fields.optional("mode", "a number", \.integer),
                    noDowngrade: try fields.flag("no-downgrade"))
            }

            public var body: CBOR {
                .map(of: [
                    "bootloader": bootloader.map { .text($0) }, "mode": mode.map { CBOR($0) },
                    "no-downgrade": noDowngrade.map { .bool($0) },
                ])
            }
        }
    }
}
