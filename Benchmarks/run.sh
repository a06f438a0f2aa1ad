#!/usr/bin/env bash
# `make bench`: every benchmark, one after the other; nothing else should run on the machine.
set -euo pipefail
cd "$(dirname "$0")"
python=../.venv/bin/python
export RUNS="${RUNS:-5}"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
measure() { "$python" "$@" | tee -a "$log"; }
measure release_verify.py
measure dfu_parallel.py unit host
measure dfu_parallel.py memory 1 64
measure one_bad_unit.py
measure plug_latency.py
measure journal_large.py
measure smp_line.py
measure smp_cpu.py
measure smp_boards.py "$RUNS"
"$python" figures.py < "$log"
