"""Writes the figures of a run into README.md, between the two marks, each beside what an earlier run has left there under another name.

    figures.py < LOG

LOG has the lines `bench: NAME ours=X peer=Y ratio=Z unit=U` among others. The peer of a name that ends in `-bound` is the bound."""
import datetime
import os
import platform
import re
import sys

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
LINE = re.compile(r"bench: (\S+) ours=(\S+) peer=(\S+) ratio=(\S+) unit=(.*)")


def machine():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{len(names)} × {names[0]}, Linux {platform.release()}"


def main():
    with open(README) as file:
        text = file.read()
    before, rest = text.split(BEGIN, 1)
    old, after = rest.split(END, 1)
    rows = {row.split("|")[1].strip(): row for row in old.splitlines() if row.startswith("| ") and not row.startswith("| figure")}
    day = datetime.date.today().isoformat()
    for name, *values, unit in (match.groups() for match in map(LINE.match, sys.stdin) if match):
        rows[name] = "| " + " | ".join([name, *values, unit.strip(), day]) + " |"
    table = ["| figure | ours | peer, or bound | ratio | unit | of |", "|---|---|---|---|---|---|"] + [rows[name] for name in sorted(rows)]
    with open(README, "w") as file:
        file.write(f"{before}{BEGIN}\nMachine of the last run: {machine()}.\n\n" + "\n".join(table) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
