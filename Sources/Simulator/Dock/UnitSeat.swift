internal import BenchModel
internal import Firmware
internal import Foundation
internal import Synchronization

/// A unit of the dock, wherever it is: in a slot, on its way back, or in somebody's hands.
final class UnitSeat: Sendable {
    let description: UnitDescription
    let unit: Mutex<any SimulatedUnit>

    /// `stateFolder` keeps flashes between runs; `nil` for in memory alone.
    /// - Throws: ``SimulatorError`` when the firmware's file or the state folder can't be used.
    init(_ description: UnitDescription, stateFolder: String?) throws(SimulatorError) {
        self.description = description
        let folder = try Self.folder(for: description, in: stateFolder)
        let firmware = try Self.firmware(description)
        unit =
            switch description.variant {
            case .fourG: Mutex(SimulatedUnit4G(description, folder: folder, firmware: firmware))
            case .twoG3G: Mutex(SimulatedUnit2G3G(description, folder: folder, firmware: firmware))
            }
    }

    // MARK: Files

    private static func firmware(_ unit: UnitDescription) throws(SimulatorError) -> [UInt8] {
        switch unit.firmware {
        case .empty:
            return []
        case .factory(let version):
            return FactoryFirmware.image(version)
        case .file(let path):
            do {
                let file = try MappedFile(path)
                return file.bytes(try OTAImage(file).manufacturerImage)
            } catch {
                throw SimulatorError("firmware of \(unit.chfId): \(path): \(error)")
            }
        }
    }

    private static func folder(for unit: UnitDescription, in state: String?) throws(SimulatorError) -> String? {
        guard let state else { return nil }
        let folder = "\(state)/\(unit.chfId)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw SimulatorError("the state folder \(folder) can't be made: \(error.localizedDescription)")
        }
        return folder
    }
}
