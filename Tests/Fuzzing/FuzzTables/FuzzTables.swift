import BenchModel
import Firmware

/// libFuzzer's entry: any bytes must be read as a table, and as the Central Products List, without a crash.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTables(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let list = try? CentralProductsList(csv: bytes, name: "list.csv")
    guard let table = try? CSVTable(bytes) else {
        precondition(list == nil, "a list that is no table")
        return 0
    }
    for row in table.rows {
        for column in table.columns { precondition(table.field(column, of: row) != nil, "a line without a field") }
    }
    return 0
}
