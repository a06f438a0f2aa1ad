"""Holds EPCIS documents against GS1's JSON Schema, with the format checks on: uri by RFC 3987's grammar, date-time by RFC 3339's.

    epcis_verdicts.py SCHEMA DOCUMENT…

Prints a line for each problem; exit status 0 only without any."""
import json
import sys

import jsonschema

with open(sys.argv[1]) as file:
    schema = json.load(file)
checker = jsonschema.FormatChecker()
for word in ("uri", "date-time"):
    if word not in checker.checkers:
        sys.exit(f"there is no check of format '{word}': everything would pass")
# As one-of branches hide what is wrong, each event is checked on its own, too.
validator = jsonschema.Draft7Validator(schema, format_checker=checker)
event = jsonschema.Draft7Validator({**schema, "allOf": [{"$ref": "#/definitions/EPCIS-Document-Event"}]}, format_checker=checker)
problems = 0
for path in sys.argv[2:]:
    with open(path) as file:
        document = json.load(file)
    found = [f"{path}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(document)]
    for index, one in enumerate(document["epcisBody"]["eventList"]):
        found += [f"{path}: event {index}: {e.message[:200]}" for e in event.iter_errors(one)]
    print(*found, sep="\n", end="\n" if found else "")
    problems += len(found)
sys.exit(1 if problems else 0)
