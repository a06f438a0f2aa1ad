#!/usr/bin/env bash
# `make test`: builds and runs every test, and fails on a failure, on a skip, and on anything that is left behind.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
log=$(mktemp)
before=$(mktemp)
trap 'rm -f "$log" "$before"' EXIT

leftovers() {
    { pgrep -af 'hubsim (run|export|attach)|reflashd --config|qemu-system-(arm|x86_64)' || true
      grep -E ' /dev/bus/usb ' /proc/mounts || true
      find "${TMPDIR:-/tmp}" -maxdepth 1 \( -name 'it-*' -o -name 'run-*' -o -name 'bench-*' -o -name 'journal-*' -o -name 'bundle-*' \
          -o -name 'interop-*' -o -name 'kernel-*' -o -name 'campaign-*' -o -name 'hubsim-*.sock' \) -newer "$before" || true; } 2>/dev/null
}

# Sessions have bounds of real time: more tests at once than there is room for would time each other out.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${TEST_WIDTH:-3}

# Swift Testing has no bound of its own for a whole run.
run() { timeout --kill-after=30 "${TEST_TIMEOUT:-1800}" swift test --skip-build "$@" 2>&1 | tee -a "$log"; return "${PIPESTATUS[0]}"; }

swift build --build-tests || exit 1
if [ $# -gt 0 ]; then
    run "$@"
    status=$?
else
    run --skip BoardTests
    status=$?
    # Emulated boards take both cores.
    run --filter BoardTests || status=1
fi

passed=$(grep -E '^✔ Test .* passed after' "$log" | grep -cv '^. Test run with')
failed=$(grep -E '^✘ Test .* failed after' "$log" | grep -cv '^. Test run with')
skipped=$(grep -cE '^➜ Test .* skipped' "$log")
left=$(leftovers)
if [ -n "$left" ]; then
    echo "test: left behind:"
    echo "$left"
    status=1
fi
[ "$skipped" -eq 0 ] || { echo "test: a skip counts as a failure here"; status=1; }
[ "$passed" -gt 0 ] || { echo "test: no test passed"; status=1; }
echo "tests: $passed passed, $failed failed, $skipped skipped"
exit "$status"
