"""The return-logistics clerk of `make demo`: takes the load in, packs what comes off the bench, closes the consignment and exports it."""
import json
import os
import shutil
import subprocess

CONSIGNMENT = "RMA-2026-0042"
FOLDER = ".build/demo"
# Announced, and never in the load; and in a carton that was wet.
MISSING = "00-DB-12-34-56-78-94-01"
DAMAGED = "00-DB-12-34-56-78-94-02"

notes = []


def clerk(*command, shown=True):
    if shown:
        notes.append("clerk: reflashctl " + " ".join(f"'{word}'" if " " in word else word for word in command))
    return subprocess.check_output(["reflashctl", *command], text=True)


def scans(*codes):
    """What a keyboard-wedge scanner would type."""
    answers = subprocess.check_output(["reflashctl", "scan", "--station", "packing", "--json"], text=True, input="\n".join(codes) + "\n")
    return [json.loads(line) for line in answers.splitlines()]


def take_in(work, units):
    """The load arrives; from then on its units may be flashed."""
    notice = f"{work}/notice.csv"
    with open(notice, "w") as file:
        file.write("Hub,Box,Pallet\n")
        for index, unit in enumerate(units):
            file.write(f"{unit},C{index // 8 + 1},P1\n")
        file.write(f"{MISSING},C3,P1\n{DAMAGED},C4,P1\n")
    columns = ["--column", "chfId=Hub", "--column", "carton=Box", "--column", "pallet=Pallet"]
    clerk("consignment", "request", CONSIGNMENT, "--service-user", "Leaf Energy", "--gln", "5012345000015", "--return-to",
          "1 High Street, Leeds", "--reference", "LE-881", "--load", "pallet")
    clerk("consignment", "accept", CONSIGNMENT)
    clerk("consignment", "notice", CONSIGNMENT, notice, *columns, "--dry-run")
    clerk("consignment", "notice", CONSIGNMENT, notice, *columns, shown=False)
    clerk("consignment", "deliver", CONSIGNMENT, "--counted", str(len(units) + 1))
    clerk("consignment", "intake", CONSIGNMENT, "--carton", "C4", "--reject", "damaged-packaging")
    clerk("consignment", "take-in", CONSIGNMENT)


def give_back(units):
    """Packs, closes, exports and ships. Returns what is wrong."""
    wrong = []
    carton = json.loads(clerk("pack", "open", CONSIGNMENT, "--json"))["sscc"]
    notes.append(f"clerk: scans carton {carton}, its units, and the CARTON FULL card; then the rest into the next carton")
    answers = scans("00" + carton, *units[:20], "CARD:CARTON-FULL", *units[20:])
    if [a["verdict"] for a in answers] != ["carton-ready"] + ["packed"] * 20 + ["carton-closed"] + ["packed"] * (len(units) - 20):
        wrong.append(f"scans were answered {[a['verdict'] for a in answers]}")
    last = answers[-1]["carton"]
    clerk("pack", "close", last)
    pallet = json.loads(clerk("pack", "open", CONSIGNMENT, "--pallet", "--json"))["sscc"]
    for sscc in (carton, last):
        clerk("pack", "stack", pallet, sscc, shown=False)
    clerk("pack", "close", pallet)
    refusal = subprocess.run(["reflashctl", "consignment", "close", CONSIGNMENT], stderr=subprocess.PIPE, text=True)
    notes.append(refusal.stderr.strip())
    if refusal.returncode != 1 or "1 unit is awaiting" not in refusal.stderr:
        wrong.append(f"closed while a unit is awaited: {refusal.stderr}")
    clerk("consignment", "missing", CONSIGNMENT, MISSING, "--reason", "not in carton C3")
    clerk("consignment", "close", CONSIGNMENT)
    clerk("consignment", "ship", CONSIGNMENT, "--carrier", "Northern Freight", "--reference", "NF-17")
    shutil.rmtree(FOLDER, ignore_errors=True)
    clerk("export", CONSIGNMENT, "--journal", "--to", FOLDER)
    with open(f"{FOLDER}/pallet-{pallet}.svg", "w") as file:
        file.write(clerk("pack", "label", pallet, shown=False))
    states = json.loads(clerk("consignment", "show", CONSIGNMENT, "--json", shown=False))["reconciliation"]["states"]
    if states.get("missing") != 1 or states.get("rejected") != 1 or sum(states.values()) != len(units) + 2:
        wrong.append(f"the consignment adds up to {states}")
    with open(f"{FOLDER}/return-record.csv") as file:
        rows = file.read().splitlines()
    if len(rows) != len(units) + 3:
        wrong.append(f"return-record.csv has {len(rows)} lines")
    with open(f"{FOLDER}/epcis.jsonld") as file:
        events = json.load(file)["epcisBody"]["eventList"]
    notes.append(f"{FOLDER}: {', '.join(sorted(os.listdir(FOLDER)))}; {len(events)} EPCIS events")
    return wrong
