public import BenchModel
internal import Journal

// Units into cartons, cartons onto pallets, each with an SSCC.

extension ConsignmentDesk {
    /// Opens a carton or a pallet, and gives it its SSCC. `isFaulty`: for units of the fault-return process.
    public func openPackage(
        _ level: LoadUnit, for id: ConsignmentID, isFaulty: Bool, by: Operator
    ) async throws(LogisticsRefusal) -> PackageRecord {
        let records: PackageRecord? = try await decidePackage { reader in
            let (draft, sscc) = try reader.opening(level, for: id, isFaulty: isFaulty, config, by: by)
            return ([draft], sscc)
        }
        guard let records else { throw LogisticsRefusal(.package, "the package was not opened") }
        return records
    }

    /// Puts a unit into a carton.
    public func pack(_ unit: EUI64, into carton: SSCC, by: Operator) async throws(LogisticsRefusal) -> PackageRecord? {
        try await decidePackage { reader in ([try reader.packing(unit, into: carton, config, by: by)], carton) }
    }

    /// Says that nothing more comes into a carton or onto a pallet.
    public func closePackage(_ sscc: SSCC, by: Operator) async throws(LogisticsRefusal) -> PackageRecord? {
        try await decidePackage { reader in ([try reader.closing(sscc, by: by)], sscc) }
    }

    /// Puts a closed carton onto a pallet.
    public func stack(_ carton: SSCC, on pallet: SSCC, by: Operator) async throws(LogisticsRefusal) -> PackageRecord? {
        let capacity = config.palletCapacity
        return try await decidePackage { reader in
            let lower = try reader.existing(carton, .carton)
            let upper = try reader.existing(pallet, .pallet)
            _ = try reader.existing(lower.consignment).whileUnshipped()
            guard lower.closed != nil else { throw LogisticsRefusal(.package, "carton \(carton) is still open: close it first") }
            guard lower.pallet == nil else {
                throw LogisticsRefusal(.package, "carton \(carton) stands on pallet \(lower.pallet?.value.digits ?? "") already")
            }
            guard upper.closed == nil else { throw LogisticsRefusal(.package, "pallet \(pallet) is closed") }
            guard lower.consignment == upper.consignment, lower.isFaulty == upper.isFaulty else {
                throw LogisticsRefusal(
                    .package, "expected a carton of \(upper.words) on pallet \(pallet), found one of \(lower.words)")
            }
            guard upper.count < capacity else {
                throw LogisticsRefusal(.package, "pallet \(pallet) is full: \(capacity) cartons (logistics.palletCapacity)")
            }
            let stacked = ConsignmentEvent.CartonStacked(consignment: lower.consignment, carton: carton, pallet: pallet, by: by)
            return ([.of(.cartonStacked(stacked))], pallet)
        }
    }

    /// A carton or pallet with what is in it.
    public func contents(of sscc: SSCC) async throws(LogisticsRefusal) -> (package: PackageRecord, units: [EUI64], cartons: [SSCC]) {
        try await look { reader in
            guard let package = try reader.package(sscc) else {
                throw LogisticsRefusal(.partUnknown, "no carton or pallet is called \(sscc)")
            }
            return (package, try reader.units(in: sscc), try reader.cartons(on: sscc))
        }
    }

    private func decidePackage(
        _ body: @escaping @Sendable (JournalReader) throws -> ([JournalDraft], SSCC)
    ) async throws(LogisticsRefusal) -> PackageRecord? {
        let records: [EventRecord]
        do { records = try await journal.append(deciding: { try body($0).0 }) } catch { throw LogisticsRefusal(error) }
        let said = try? records.last.flatMap { try ConsignmentEvent($0) }
        return try await look { reader in try said?.package.flatMap { try reader.package($0) } }
    }
}

extension JournalReader {
    func opening(
        _ level: LoadUnit, for id: ConsignmentID, isFaulty: Bool, _ config: LogisticsConfig, by: Operator
    ) throws -> (JournalDraft, SSCC) {
        _ = try existing(id).whileUnshipped()
        guard level != .unit else { throw LogisticsRefusal(.package, "expected a carton or a pallet, found a unit") }
        let serial = config.ssccFrom + (try packageCount())
        guard let sscc = SSCC(extension: config.ssccExtension, prefix: config.companyPrefix, serial: serial) else {
            throw LogisticsRefusal(
                .package,
                "serial reference \(serial) does not fit behind the company prefix \(config.companyPrefix.digits): "
                    + "use another extension digit (logistics.ssccExtension)")
        }
        return (.of(.packageOpened(.init(consignment: id, sscc: sscc, level: level, isFaulty: isFaulty, by: by))), sscc)
    }

    func packing(_ unit: EUI64, into carton: SSCC, _ config: LogisticsConfig, by: Operator) throws -> JournalDraft {
        let package = try existing(carton, .carton)
        let consignment = try existing(package.consignment).whileUnshipped()
        guard let found = try self.unit(unit, of: consignment), found.announced != nil else {
            throw LogisticsRefusal(
                .partUnknown, "\(unit) is none of consignment \(consignment.consignment)'s, of which carton \(carton) is")
        }
        guard package.closed == nil else { throw LogisticsRefusal(.package, "carton \(carton) is closed") }
        if let other = found.packed { throw LogisticsRefusal(.unitState, "\(unit) is in carton \(other.value) already") }
        guard found.state.isPacked else {
            throw LogisticsRefusal(.unitState, "\(unit) is \(found.state.rawValue): only settled units are packed")
        }
        guard (found.state == .failed) == package.isFaulty else {
            throw LogisticsRefusal(
                .unitState, "\(unit) is \(found.state.rawValue), and carton \(carton) holds \(package.isFaulty ? "faulty" : "other") units")
        }
        guard package.count < config.cartonCapacity else {
            throw LogisticsRefusal(.package, "carton \(carton) is full: \(config.cartonCapacity) units (logistics.cartonCapacity)")
        }
        return .of(.unitPacked(.init(consignment: consignment.consignment, sscc: carton, by: by)), unit: unit)
    }

    func closing(_ sscc: SSCC, by: Operator) throws -> JournalDraft {
        guard let package = try package(sscc) else { throw LogisticsRefusal(.partUnknown, "no carton or pallet is called \(sscc)") }
        _ = try existing(package.consignment).whileUnshipped()
        guard package.closed == nil else { throw LogisticsRefusal(.package, "\(package.level.rawValue) \(sscc) is closed already") }
        guard package.count > 0 else { throw LogisticsRefusal(.package, "\(package.level.rawValue) \(sscc) is empty") }
        return .of(.packageClosed(.init(consignment: package.consignment, sscc: sscc, by: by)))
    }

    fileprivate func existing(_ sscc: SSCC, _ level: LoadUnit) throws -> PackageRecord {
        guard let package = try package(sscc), package.level == level else {
            throw LogisticsRefusal(.partUnknown, "no \(level.rawValue) of this bench's is called \(sscc); 'reflashctl pack open' opens one")
        }
        return package
    }
}

extension PackageRecord {
    fileprivate var words: String { "\(isFaulty ? "faulty " : "")units of \(consignment)" }
}

extension ConsignmentRecord {
    /// Itself, while units may be packed: also between its closing and its shipping.
    func whileUnshipped() throws -> ConsignmentRecord { try expecting(.takenIn, .closed) }
}

extension ConsignmentEvent {
    fileprivate var package: SSCC? {
        switch self {
        case .packageOpened(let value): value.sscc
        case .packageClosed(let value), .unitPacked(let value): value.sscc
        case .cartonStacked(let value): value.pallet
        default: nil
        }
    }
}
