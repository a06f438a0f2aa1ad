import BenchModel
import Journal
import LogisticsKit
import Logistics
import Testing

@Suite struct PackingTests {
    @Test func `only settled units of the right consignment go into a carton, and no more than it takes`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 6)
            let other = try #require(ConsignmentID("RMA-2"))
            try await bench.takenIn(other, units: 1, from: 50)
            for number in 1...4 { try await bench.session(number, .reflashed) }
            try await bench.session(5, .failed)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            let pack = { (number: Int) in await refusal { try await bench.desk.pack(unit(number), into: carton, by: clerk) } }
            for number in 1...3 { _ = try await bench.desk.pack(unit(number), into: carton, by: clerk) }
            #expect(await pack(1) == "\(unit(1)) is in carton \(carton) already")
            #expect(await pack(4) == "carton \(carton) is full: 3 units (logistics.cartonCapacity)")
            #expect(await pack(5) == "\(unit(5)) is failed, and carton \(carton) holds other units")
            #expect(await pack(6) == "\(unit(6)) is awaiting: only settled units are packed")
            #expect(await pack(50) == "\(unit(50)) is none of consignment RMA-1's, of which carton \(carton) is")
            let faulty = try await bench.desk.openPackage(.carton, for: id, isFaulty: true, by: clerk).sscc
            #expect(try await bench.desk.pack(unit(5), into: faulty, by: clerk)?.count == 1)
        }
    }

    @Test func `closed cartons go onto a pallet of the same kind`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 3)
            for number in 1...3 { try await bench.session(number, .reflashed) }
            let pallet = try await bench.desk.openPackage(.pallet, for: id, isFaulty: false, by: clerk).sscc
            var cartons: [SSCC] = []
            for number in 1...3 {
                let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
                _ = try await bench.desk.pack(unit(number), into: carton, by: clerk)
                #expect(
                    await refusal { try await bench.desk.stack(carton, on: pallet, by: clerk) }
                        == "carton \(carton) is still open: close it first")
                _ = try await bench.desk.closePackage(carton, by: clerk)
                cartons.append(carton)
            }
            _ = try await bench.desk.stack(cartons[0], on: pallet, by: clerk)
            #expect(try await bench.desk.stack(cartons[1], on: pallet, by: clerk)?.count == 2)
            #expect(
                await refusal { try await bench.desk.stack(cartons[2], on: pallet, by: clerk) }
                    == "pallet \(pallet) is full: 2 cartons (logistics.palletCapacity)")
            #expect(try await bench.desk.contents(of: pallet).cartons == Array(cartons.prefix(2)))
        }
    }

    @Test func `a carton is not taken off a pallet that is closed`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            try await bench.session(1, .reflashed)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.desk.pack(unit(1), into: carton, by: clerk)
            _ = try await bench.desk.closePackage(carton, by: clerk)
            let pallet = try await bench.desk.openPackage(.pallet, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.desk.stack(carton, on: pallet, by: clerk)
            _ = try await bench.desk.closePackage(pallet, by: clerk)
            let events = try await bench.journal.events(after: 0, limit: 100)
            let stacked = try #require(events.last { $0.kind == "carton-stacked" })
            let refused = await refusal { try await bench.desk.correct(stacked.number, of: id, reason: "other pallet", by: clerk) }
            #expect(refused == "pallet \(pallet) is closed: correct that first")
        }
    }

    @Test func `a unit that was packed by mistake is taken out, also after the consignment was closed`() async throws {
        try await TestBench.with { bench in
            try await bench.takenIn(units: 1)
            try await bench.session(1, .reflashed)
            _ = try await bench.desk.close(id, by: clerk)
            let carton = try await bench.desk.openPackage(.carton, for: id, isFaulty: false, by: clerk).sscc
            _ = try await bench.desk.pack(unit(1), into: carton, by: clerk)
            let packed = try #require(try await bench.journal.events(after: 0, limit: 100).last)
            _ = try await bench.desk.correct(packed.number, of: id, reason: "wrong carton", by: clerk)
            #expect(try await bench.desk.contents(of: carton).units.isEmpty)
            let shipped = ConsignmentEvent.ConsignmentShipped(consignment: id, carrier: nil, reference: nil, by: clerk)
            _ = try await bench.desk.pack(unit(1), into: carton, by: clerk)
            #expect(await refusal { try await bench.desk.ship(shipped) } == "close what is open first: carton \(carton)")
            _ = try await bench.desk.closePackage(carton, by: clerk)
            #expect(try await bench.desk.ship(shipped).consignment.stage == .shipped)
        }
    }
}
