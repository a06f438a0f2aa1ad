internal import BenchModel
internal import Foundation

/// Why a document is not captured.
enum CaptureFailure: Error, Hashable {
    /// More than the repository takes at once.
    case tooLarge
    /// The repository has an event of it already.
    case alreadyThere
    /// It will not be taken as it is, until somebody has done something about it.
    case refused(String)
    /// The repository is not there, or not in a state to take it; it may say for how long.
    case away(String, Duration?)
}

/// A capture job as a repository reports it (GS1 EPCIS 2.0 §12.6.1).
struct CaptureJob: Decodable {
    let running: Bool
    let success: Bool?
    let errors: [Problem]?

    /// RFC 9457, with the exceptions of EPCIS as types.
    struct Problem: Decodable, CustomStringConvertible {
        let type: String?
        let title: String?
        let status: Int?
        let detail: String?

        var isAlreadyThere: Bool { status == 409 || type?.hasSuffix("ResourceAlreadyExistsException") == true }

        var description: String {
            let said = [title, detail].compactMap(\.self).filter { !$0.isEmpty }
            return said.isEmpty ? type ?? status.map { "status \($0)" } ?? "no reason" : said.joined(separator: ": ")
        }
    }

    init(_ body: Data, _ job: String) throws(CaptureFailure) {
        guard let state = try? JSONDecoder().decode(Self.self, from: body) else {
            throw .away("the capture job \(job) does not say whether it runs", nil)
        }
        self = state
    }

    func expectSuccess(_ job: String) throws(CaptureFailure) {
        let problems = errors ?? []
        if success == true, problems.isEmpty { return }
        if !problems.isEmpty, problems.allSatisfy(\.isAlreadyThere) { throw .alreadyThere }
        let reasons = problems.prefix(3).map(\.description).joined(separator: "; ")
        throw .refused("the capture job \(job) failed: \(reasons.isEmpty ? "it gives no reason" : reasons)")
    }
}
