public import BenchModel

/// A label with bars and the same in plain text, as a picture or for a label printer.
public struct Label: Hashable, Sendable {
    private let bars: Code128
    private let lines: [String]
    private let zplData: String

    /// GS1-128 of a carton's or a pallet's SSCC (GS1 General Specifications §5.4 and AI 00). `lines`: above the bars.
    public init?(_ sscc: SSCC, lines: [String]) {
        guard let bars = Code128(gs1: "00" + sscc.digits) else { return nil }
        self.bars = bars
        self.lines = lines.flatMap(Self.wrapped) + [sscc.humanReadable]
        zplData = ">;>800" + sscc.digits
    }

    /// Code 128 of a slot's label or a card. `title`: what a person reads.
    public init?(_ code: ScanCode, title: String) {
        guard let text = code.text, let bars = Code128(text: text) else { return nil }
        self.bars = bars
        lines = [title]
        zplData = text
    }

    /// Characters that fit beside each other over the bars of an SSCC, wide ones too.
    private static let lineLength = 30

    /// A line as lines that fit, broken between words where it can be.
    static func wrapped(_ line: String) -> [String] {
        var lines: [String] = []
        for word in line.split(separator: " ") {
            var word = word[...]
            if let last = lines.last, last.count + 1 + word.count <= lineLength {
                lines[lines.count - 1] = "\(last) \(word)"
                continue
            }
            while word.count > lineLength {
                lines.append(String(word.prefix(lineLength)))
                word = word.dropFirst(lineLength)
            }
            lines.append(String(word))
        }
        return lines
    }

    /// Millimetres of a module: GS1 General Specifications §5.12.3, 0.495 for logistic labels.
    private static let module = 0.495
    /// Modules that stay empty at each side: ISO/IEC 15417 §4.4.
    private static let quiet = 10
    /// Millimetres: GS1 General Specifications §5.12.3.
    private static let barHeight = 32.0
    private static let lineHeight = 6.0

    /// As SVG, in millimetres.
    public var svg: String {
        let width = Double(bars.modules + 2 * Self.quiet) * Self.module
        let top = Double(lines.count - 1) * Self.lineHeight + 2
        let height = top + Self.barHeight + Self.lineHeight + 4
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(mm(width))mm\" height=\"\(mm(height))mm\" "
                + "viewBox=\"0 0 \(mm(width)) \(mm(height))\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        ]
        for (index, line) in lines.dropLast().enumerated() {
            parts.append(text(line, x: Double(Self.quiet) * Self.module, y: Double(index + 1) * Self.lineHeight, anchor: "start"))
        }
        parts.append("<g fill=\"#000\">")
        for bar in bars.bars {
            let (x, w) = (Double(bar.at + Self.quiet) * Self.module, Double(bar.width) * Self.module)
            parts.append("<rect x=\"\(mm(x))\" y=\"\(mm(top))\" width=\"\(mm(w))\" height=\"\(mm(Self.barHeight))\"/>")
        }
        parts.append("</g>")
        parts.append(text(lines.last ?? "", x: width / 2, y: top + Self.barHeight + Self.lineHeight, anchor: "middle"))
        parts.append("</svg>\n")
        return parts.joined(separator: "\n")
    }

    /// For printers that speak ZPL II, 8 dots a millimetre.
    public var zpl: String {
        let fields = lines.dropLast().enumerated().map { "^FO40,\(20 + $0.offset * 45)^A0N,36,36^FD\(zplText($0.element))^FS" }
        let top = 20 + max(0, lines.count - 1) * 45
        return
            (["^XA", "^CI28"] + fields
            + [
                "^FO40,\(top)^BY4^BCN,256,N,N,N^FD\(zplData)^FS", "^FO40,\(top + 276)^A0N,40,40^FD\(zplText(lines.last ?? ""))^FS", "^XZ",
                "",
            ]).joined(separator: "\n")
    }

    private func text(_ line: String, x: Double, y: Double, anchor: String) -> String {
        "<text x=\"\(mm(x))\" y=\"\(mm(y))\" font-family=\"sans-serif\" font-size=\"4.5\" text-anchor=\"\(anchor)\">\(HTMLText.escaped(line))</text>"
    }

    private func mm(_ value: Double) -> String {
        let thousandths = Int((value * 1000).rounded())
        let rest = "\(1000 + thousandths % 1000)".dropFirst()
        return "\(thousandths / 1000).\(rest)"
    }

    /// ^ and ~ begin commands.
    private func zplText(_ line: String) -> String { String(line.map { "^~".contains($0) ? " " : $0 }) }
}

/// Text in HTML and SVG.
enum HTMLText {
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}
