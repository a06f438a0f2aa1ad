internal import BenchModel

/// What GS1's JSON Schema leaves out of an EPCIS document and a receiver refuses all the same.
public enum EPCISRules {
    /// Each thing that is wrong with an event, in a sentence; empty where all is well. `fields`: the event as JSON.
    public static func problems(in event: EPCISEvent) -> [String] { problems(event.fields) }

    static func problems(_ fields: [String: JSONValue]) -> [String] {
        var problems: [String] = []
        let type = text(fields["type"]) ?? ""
        if text(fields["eventTimeZoneOffset"]) != "+00:00" { problems.append("eventTimeZoneOffset: expected +00:00") }
        if !(text(fields["eventID"]) ?? "").hasPrefix("urn:uuid:") { problems.append("eventID: expected a urn:uuid") }
        for word in ["bizStep", "disposition"] where (text(fields[word]) ?? "").hasPrefix("urn:epcglobal:cbv:") {
            problems.append("\(word): expected a bare word of the CBV, found \(text(fields[word]) ?? "")")
        }
        if let step = text(fields["bizStep"]), !step.contains(":"), !steps.contains(step) {
            problems.append("bizStep: '\(step)' is no word of the CBV")
        }
        if fields["ilmd"] != nil, text(fields["action"]) != "ADD" { problems.append("ilmd: expected with action ADD only") }
        if type == "AggregationEvent" {
            for key in ["persistentDisposition", "ilmd", "epcList"] where fields[key] != nil {
                problems.append("\(key): an AggregationEvent has none")
            }
            if fields["parentID"] == nil { problems.append("parentID: an AggregationEvent needs one") }
            if list(fields["childEPCs"]).isEmpty, text(fields["action"]) != "DELETE" { problems.append("childEPCs: expected at least one") }
        }
        if type == "ObjectEvent" {
            if list(fields["epcList"]).isEmpty { problems.append("epcList: expected at least one thing") }
            if fields["parentID"] != nil { problems.append("parentID: an ObjectEvent has none") }
        }
        let things = list(fields["epcList"]) + list(fields["childEPCs"]) + [text(fields["parentID"])].compactMap(\.self)
        for thing in things where EUI64(thing) != nil || !thing.contains(":") {
            problems.append("'\(thing)' is no URI: a unit is urn:dev:mac:<16 lower-case hex digits>")
        }
        for thing in things where thing.hasPrefix("urn:dev:mac:") && thing != thing.lowercased() {
            problems.append("'\(thing)': expected lower-case hex digits")
        }
        if Set(things).count != things.count { problems.append("a thing stands twice in one event") }
        for key in fields.keys.sorted() where !known.contains(key) && !key.hasPrefix(EPCISEvent.prefix) {
            problems.append("\(key): expected the prefix \(EPCISEvent.prefix), which @context declares")
        }
        return problems
    }

    private static func text(_ value: JSONValue?) -> String? { if case .text(let text)? = value { text } else { nil } }

    private static func list(_ value: JSONValue?) -> [String] {
        if case .list(let values)? = value { values.compactMap { text($0) } } else { [] }
    }

    /// CBV 2.0 §7.1, those that a bench uses.
    private static let steps: Set<String> = ["receiving", "inspecting", "unpacking", "packing", "shipping"]

    private static let known: Set<String> = [
        "type", "eventID", "eventTime", "eventTimeZoneOffset", "action", "epcList", "parentID", "childEPCs", "bizStep", "disposition",
        "persistentDisposition", "readPoint", "bizLocation", "bizTransactionList", "sourceList", "destinationList", "errorDeclaration",
        "ilmd",
    ]
}
