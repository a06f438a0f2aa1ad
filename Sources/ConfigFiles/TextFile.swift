internal import Foundation

/// Text files and the paths written in them.
public enum TextFile {
    /// The whole file, which must be UTF-8.
    /// - Throws: ``ConfigError`` when it can't be read.
    public static func read(_ path: String) throws(ConfigError) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw ConfigError(file: path, line: nil, field: "", problem: "can't be read: \(error.localizedDescription)")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw ConfigError(file: path, line: nil, field: "", problem: "is not UTF-8 text")
        }
        return text
    }

    /// The folder that holds `path`.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// `path` as seen from `folder`; an absolute one stays as it is.
    public static func resolve(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") || folder == "." ? path : "\(folder)/\(path)"
    }
}
