/// Group 1, image management (Zephyr `services/device_mgmt/smp_groups/smp_group_1`).
public enum ImageGroup {
    public static let id: UInt16 = 1

    /// `enum img_mgmt_err_code_t`.
    static let errors = [
        1: "unknown error", 2: "flash config query failed", 3: "no image in the slot", 4: "the image has no TLVs",
        5: "the image has an invalid TLV", 6: "the image has several hashes", 7: "a TLV has an invalid size",
        8: "the image has no hash", 9: "no free slot", 10: "flash open failed", 11: "flash read failed", 12: "flash write failed",
        13: "flash erase failed", 14: "invalid slot", 15: "no free memory", 16: "flash context already set",
        17: "flash context not set", 18: "no flash device", 19: "invalid page offset", 20: "the offset is missing",
        21: "the length is missing", 22: "the image is too short for a header", 23: "the header's magic is wrong",
        24: "the hash is not valid", 25: "wrong load address", 26: "the version can't be read",
        27: "the installed version is newer", 28: "a swap is pending already", 29: "vector table address out of bounds",
        30: "the image is too large", 31: "more data than the image has", 32: "the image can't be confirmed",
        33: "the active slot can't be set for test", 34: "the active slot is not known",
    ]

    /// One slot of one image as the server lists it.
    public struct SlotState: Hashable, Sendable {
        /// `image`: the image number; a server with one image leaves it out.
        public var image: Int?
        /// `slot`: 0 primary, 1 secondary.
        public var slot: Int
        /// `version`: MCUboot's, `1.2.3` or `1.2.3.4`.
        public var version: String
        /// `hash`: the image's hash TLV, not a hash of the file.
        public var hash: [UInt8]?
        public var bootable: Bool?
        /// The next boot tries it.
        public var pending: Bool?
        public var confirmed: Bool?
        /// It runs now.
        public var active: Bool?
        /// The next boot makes it stay.
        public var permanent: Bool?

        public init(
            image: Int? = nil, slot: Int, version: String, hash: [UInt8]? = nil, bootable: Bool? = nil, pending: Bool? = nil,
            confirmed: Bool? = nil, active: Bool? = nil, permanent: Bool? = nil
        ) {
            self.image = image
            self.slot = slot
            self.version = version
            self.hash = hash
            self.bootable = bootable
            self.pending = pending
            self.confirmed = confirmed
            self.active = active
            self.permanent = permanent
        }

        init(body: CBOR) throws(SMPError) {
            let fields = SMPFields(body, of: "image state")
            self.init(
                image: try fields.count("image"), slot: try fields.count("slot") ?? 0,
                version: try fields.required("version", "text", \.string), hash: try fields.data("hash"),
                bootable: try fields.flag("bootable"), pending: try fields.flag("pending"),
                confirmed: try fields.flag("confirmed"), active: try fields.flag("active"),
                permanent: try fields.flag("permanent"))
        }

        var body: CBOR {
            .map(of: [
                "image": image.map { CBOR($0) }, "slot": CBOR(slot), "version": .text(version), "hash": hash.map { .bytes($0) },
                "bootable": bootable.map { .bool($0) }, "pending": pending.map { .bool($0) },
                "confirmed": confirmed.map { .bool($0) }, "active": active.map { .bool($0) },
                "permanent": permanent.map { .bool($0) },
            ])
        }
    }

    /// Every slot that holds an image.
    public struct State: SMPBody {
        public var slots: [SlotState]
        /// `splitStatus`; Zephyr does not use it.
        public var splitStatus: Int?

        public init(_ slots: [SlotState], splitStatus: Int? = nil) {
            self.slots = slots
            self.splitStatus = splitStatus
        }

        public init(body: CBOR) throws(SMPError) {
            let fields = SMPFields(body, of: "image state")
            var slots: [SlotState] = []
            for item in try fields.required("images", "a list", \.items) { slots.append(try SlotState(body: item)) }
            self.init(slots, splitStatus: try fields.optional("splitStatus", "a number", \.integer))
        }

        public var body: CBOR {
            .map(of: ["images": .array(slots.map(\.body)), "splitStatus": splitStatus.map { CBOR($0) }])
        }

        /// The slot that runs, of an image number.
        public func active(image: Int) -> SlotState? { slots.first { ($0.image ?? 0) == image && $0.active == true } }
    }

    /// Command 0, read.
    public struct ReadState: SMPRequest {
        public typealias Response = State
        public static let (group, command, operation, name) = (ImageGroup.id, UInt8(0), SMPOperation.read, "image state")

        public init() {}
        public init(body: CBOR) throws(SMPError) {}
        public var body: CBOR { .map([:]) }
    }

    /// Command 0, write: sets an image for the next boot, or confirms one.
    public struct WriteState: SMPRequest {
        public typealias Response = State
        public static let (group, command, operation, name) = (ImageGroup.id, UInt8(0), SMPOperation.write, "image state write")
        /// `hash`: which image; none for the one that runs.
        public var hash: [UInt8]?
        /// `confirm`: whether it stays. Without, it is tried once.
        public var confirm: Bool?

        public init(hash: [UInt8]? = nil, confirm: Bool? = nil) {
            self.hash = hash
            self.confirm = confirm
        }

        public init(body: CBOR) throws(SMPError) {
            let fields = SMPFields(body, of: Self.name)
            self.init(hash: try fields.data("hash"), confirm: try fields.flag("confirm"))
        }

        public var body: CBOR { .map(of: ["hash": hash.map { .bytes($0) }, "confirm": confirm.map { .bool($0) }]) }
    }

    /// Command 1: one chunk of an image.
    public struct Upload: SMPRequest {
        public static let (group, command, operation, name) = (ImageGroup.id, UInt8(1), SMPOperation.write, "image upload")
        /// `off`: the chunk's place in the image, bytes.
        public var offset: Int
        /// `data`.
        public var data: [UInt8]
        /// `image`: the image number, with the first chunk.
        public var image: Int?
        /// `len`: bytes of the whole image, with the first chunk.
        public var length: Int?
        /// `sha`: SHA-256 of the whole image, with the first chunk; by it a server knows an upload that was cut.
        public var sha: [UInt8]?
        /// `upgrade`: refuse an image that is not newer.
        public var upgrade: Bool?

        public init(
            offset: Int, data: [UInt8], image: Int? = nil, length: Int? = nil, sha: [UInt8]? = nil, upgrade: Bool? = nil
        ) {
            self.offset = offset
            self.data = data
            self.image = image
            self.length = length
            self.sha = sha
            self.upgrade = upgrade
        }

        public init(body: CBOR) throws(SMPError) {
            let fields = SMPFields(body, of: Self.name)
            self.init(
                offset: try fields.required("off", "a number from 0 on") { $0.integer.flatMap { $0 >= 0 ? $0 : nil } },
                data: try fields.required("data", "bytes", \.data), image: try fields.count("image"),
                length: try fields.count("len"), sha: try fields.data("sha"), upgrade: try fields.flag("upgrade"))
        }

        public var body: CBOR {
            .map(of: [
                "off": CBOR(offset), "data": .bytes(data), "image": image.map { CBOR($0) }, "len": length.map { CBOR($0) },
                "sha": sha.map { .bytes($0) }, "upgrade": upgrade.map { .bool($0) },
            ])
        }

        public struct Response: SMPBody {
            /// `off`: the offset that the server wants next.
            public var offset: Int?
            /// `match`: whether the whole image has the announced hash.
            public var match: Bool?

            public init(offset: Int?, match: Bool? = nil) {
                self.offset = offset
                self.match = match
            }

            public init(body: CBOR) throws(SMPError) {
                let fields = SMPFields(body, of: Upload.name)
                self.init(offset: try fields.count("off"), match: try fields.flag("match"))
            }

            public var body: CBOR { .map(of: ["off": offset.map { CBOR($0) }, "match": match.map { .bool($0) }]) }
        }
    }

    /// Command 5: erases a slot that is not in use.
    public struct Erase: SMPRequest {
        public typealias Response = SMPDone
        public static let (group, command, operation, name) = (ImageGroup.id, UInt8(5), SMPOperation.write, "image erase")
        /// `slot`; none for slot 1.
        public var slot: Int?

        public init(slot: Int? = nil) { self.slot = slot }

        public init(body: CBOR) throws(SMPError) { slot = try SMPFields(body, of: Self.name).count("slot") }

        public var body: CBOR { .map(of: ["slot": slot.map { CBOR($0) }]) }
    }
}
