#!/usr/bin/env bash
# `make bench`: every benchmark, one after the other; nothing else should run on the machine.
set -euo pipefail
cd "$(dirname "$0")"
python=../.venv/bin/python
"$python" release_verify.py
RUNS="${RUNS:-5}" "$python" dfu_parallel.py unit host
RUNS="${RUNS:-5}" "$python" dfu_parallel.py memory 1 64
"$python" one_bad_unit.py
"$python" plug_latency.py
"$python" journal_large.py
"$python" smp_line.py
"$python" smp_cpu.py
"$python" smp_boards.py "${RUNS:-1}"
