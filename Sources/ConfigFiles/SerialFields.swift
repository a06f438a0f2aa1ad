public import BenchModel

extension YAMLField {
    /// `console`, `console 512` with its line length in bytes, `raw` or `cobs`.
    public func smpFraming() throws(ConfigError) -> SMPFraming {
        try value("console, 'console N' with a line length from 8 to 4096, raw or cobs") { text in
            switch text {
            case "console": .console(lineLength: SMPFraming.defaultLineLength)
            case "raw": .raw
            case "cobs": .cobs
            default:
                text.hasPrefix("console ")
                    ? Int(text.dropFirst(8)).flatMap { (8...4096).contains($0) ? SMPFraming.console(lineLength: $0) : nil } : nil
            }
        }
    }
}
