public import BenchModel

/// A sheet of barcode cards to print: each slot's label, and the cards that do what would else take a keystroke.
public struct CardSheet: Sendable {
    /// One HTML page, with the pictures in it.
    public let html: String

    /// `operators`: those who scan here.
    public init(bench: String, slots: [SlotID], operators: [String]) {
        let cards: [(ScanCode, String)] =
            [(.card(.undo), "UNDO: take the last scan back"), (.card(.hold), "HOLD: put the last unit aside")]
            + [(.card(.cartonFull), "CARTON FULL: close it, begin the next")] + operators.map { (.card(.operator($0)), $0) }
            + slots.map { (.slot($0), "Slot \($0)") }
        let pictures = cards.compactMap { code, title in
            Label(code, title: title).map { "<figure>\n\($0.svg)</figure>" }
        }
        html = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Cards of \(HTMLText.escaped(bench))</title>
            <style>
            @page { size: A4; margin: 10mm }
            body { font-family: sans-serif; margin: 0; display: flex; flex-wrap: wrap; gap: 4mm }
            figure { margin: 0; padding: 3mm; border: 0.3mm dashed #999; break-inside: avoid }
            svg { max-width: 88mm; height: auto }
            </style></head><body>
            \(pictures.joined(separator: "\n"))
            </body></html>

            """
    }
}
