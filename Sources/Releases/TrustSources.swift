internal import BenchModel
internal import Firmware
internal import Foundation
internal import Journal

/// Whom a bench believes, as its config names the files; read when the daemon starts.
struct TrustSources: Sendable {
    /// For releases, with the keys of images.
    let releases: ReleaseTrust
    /// For statements; `nil` where none has to be signed.
    let approvers: ReleaseTrust?
    private let list: ReleaseConfig.ProductsList?

    /// - Throws: ``DeskRefusal`` with the problem of the first file that can't be read.
    init(_ config: ReleaseConfig) throws(DeskRefusal) {
        do throws(FirmwareProblem) {
            releases = try ReleaseTrust(roots: config.roots, imageKeys: config.imageKeys)
            if let path = config.approvers { approvers = try ReleaseTrust(roots: path, imageKeys: nil) } else { approvers = nil }
        } catch {
            throw DeskRefusal(error)
        }
        list = config.productsList
        if let shared = approvers?.certificates.first(where: { one in releases.certificates.contains { $0.fingerprint == one.fingerprint } }
        ) {
            throw DeskRefusal(
                .rootShared,
                "trust.roots and trust.approvers share \(shared.subject): whoever signs releases under it could approve them, and the other "
                    + "way round; give approvers a root of their own")
        }
    }

    /// The Central Products List as its file is now.
    /// - Throws: ``DeskRefusal``.
    func products() throws(DeskRefusal) -> CentralProductsList {
        guard let list else {
            throw DeskRefusal(
                .listMissing,
                "expected the Central Products List, found none in the config: name it ('releases.centralProductsList'), or have a supervisor "
                    + "leave that check out")
        }
        let bytes: [UInt8]
        do { bytes = Array(try Data(contentsOf: URL(filePath: list.path))) } catch {
            throw DeskRefusal(.listMissing, "\(list.path): \(error.localizedDescription)")
        }
        do throws(FirmwareProblem) {
            return try CentralProductsList(csv: bytes, name: list.path, columns: CentralProductsList.Columns(list))
        } catch {
            throw DeskRefusal(error)
        }
    }
}

extension CentralProductsList.Columns {
    fileprivate init(_ list: ReleaseConfig.ProductsList) {
        self.init()
        manufacturer = list.columns["manufacturer"] ?? manufacturer
        model = list.columns["model"] ?? model
        hardwareVersion = list.columns["hardwareVersion"] ?? hardwareVersion
        firmwareVersion = list.columns["firmwareVersion"] ?? firmwareVersion
        manufacturerImageHash = list.columns["manufacturerImageHash"] ?? manufacturerImageHash
        status = list.columns["status"] ?? status
        current = list.current ?? current
    }
}

extension DeskRefusal {
    init(_ error: JournalError) { self.init(.notRecorded, error.description) }

    /// What it means for a release that was good before.
    var end: ReleaseEnd? {
        switch FirmwareProblem.Code(rawValue: code) {
        case .certificateRevoked, .releaseRevoked: .revoked
        case .certificateExpired, .releaseExpired: .expired
        default: nil
        }
    }
}
