/// Code 128 (ISO/IEC 15417), and GS1-128, which is Code 128 with FNC1 first: bars of what scanners read.
struct Code128: Hashable, Sendable {
    /// Widths of bars and spaces in modules, a bar first.
    let widths: [Int]

    /// Digits in pairs behind FNC1: GS1 General Specifications §5.4. `nil` for an odd number of digits or other characters.
    init?(gs1 digits: String) {
        let numbers = Array(digits.utf8).map { Int($0) - 48 }
        guard numbers.count % 2 == 0, numbers.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let pairs = stride(from: 0, to: numbers.count, by: 2).map { numbers[$0] * 10 + numbers[$0 + 1] }
        self.init(values: [Self.startC, Self.fnc1] + pairs)
    }

    /// Any printable ASCII (code set B); `nil` for other characters.
    init?(text: String) {
        let values = text.utf8.map { Int($0) - 32 }
        guard !values.isEmpty, values.allSatisfy({ (0...94).contains($0) }) else { return nil }
        self.init(values: [Self.startB] + values)
    }

    private init(values: [Int]) {
        let check = values.enumerated().reduce(0) { $0 + $1.element * max(1, $1.offset) } % 103
        widths = (values + [check, Self.stop]).flatMap { Self.patterns[$0].utf8.map { Int($0) - 48 } }
    }

    /// Modules from the first bar to the last.
    var modules: Int { widths.reduce(0, +) }

    /// Each bar's place and width, in modules.
    var bars: [(at: Int, width: Int)] {
        var place = 0
        return widths.enumerated().compactMap { index, width in
            defer { place += width }
            return index % 2 == 0 ? (place, width) : nil
        }
    }

    // ISO/IEC 15417, table 1: values 102 to 106.
    private static let fnc1 = 102
    private static let startB = 104
    private static let startC = 105
    private static let stop = 106

    /// ISO/IEC 15417, table 1: the widths of each value's bars and spaces.
    private static let patterns = """
        212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 223211
        221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113
        132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121
        312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211
        221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141
        114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112
        """.split(whereSeparator: \.isWhitespace)
}
