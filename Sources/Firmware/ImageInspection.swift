/// What a file turned out to be, with all that is wrong with it.
public struct ImageInspection: Sendable {
    /// What a file can be.
    public enum Content: Sendable {
        case gbcsOTA(OTAImage)
        /// A GBCS OTA image of which the header alone can be read.
        case gbcsOTAHeader(OTAHeader)
        case mcuboot(MCUbootImage, trailer: MCUbootTrailer?)
        case dfu(DFUSuffix, mcuboot: MCUbootImage?)
        /// Nothing that is known here, or nothing that can be read on.
        case unreadable
    }

    /// What is in it.
    public let content: Content
    /// Bytes of the file.
    public let fileSize: Int
    /// Everything that is wrong; empty where nothing is.
    public let problems: [FirmwareProblem]

    /// Looks at any bytes; it never fails, it reports.
    public init(_ image: any ImageBytes) {
        var problems: [FirmwareProblem] = []
        content = Self.read(image, problems: &problems)
        fileSize = image.count
        self.problems = problems
    }

    private static func read(_ image: any ImageBytes, problems: inout [FirmwareProblem]) -> Content {
        do throws(FirmwareProblem) {
            var reader = try FieldReader(image, from: 0, length: 4, field: "magic")
            let magic = try reader.number("magic", as: UInt32.self)
            // An OTA image says where it ends; what its signature happens to look like says nothing.
            if magic != OTAHeader.magic, DFUSuffix.ends(image) {
                let suffix = try DFUSuffix(image, problems: &problems)
                return .dfu(
                    suffix,
                    mcuboot: MCUbootImage.begins(image, at: 0)
                        ? try MCUbootImage(image, from: 0, problems: &problems) : nil)
            }
            switch magic {
            case OTAHeader.magic:
                var seen: [FirmwareProblem] = []
                let header = try OTAHeader(image, problems: &seen)
                do throws(FirmwareProblem) {
                    return .gbcsOTA(try OTAImage(image, problems: &problems))
                } catch {
                    problems.append(error)
                    return .gbcsOTAHeader(header)
                }
            case MCUbootImage.magic:
                let inner = try MCUbootImage(image, from: 0, problems: &problems)
                guard inner.range.upperBound != image.count else { return .mcuboot(inner, trailer: nil) }
                do throws(FirmwareProblem) {
                    return .mcuboot(inner, trailer: try MCUbootTrailer(image, after: inner.range.upperBound))
                } catch {
                    problems.append(error)
                    return .mcuboot(inner, trailer: nil)
                }
            default:
                problems.append(
                    FirmwareProblem(
                        .formatUnknown, at: 0, field: "magic",
                        expected: "\(hex(OTAHeader.magic)) (GBCS OTA) or \(hex(MCUbootImage.magic)) (MCUboot)",
                        found: hex(magic)))
            }
        } catch {
            problems.append(error)
        }
        return .unreadable
    }
}
