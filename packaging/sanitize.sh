#!/usr/bin/env bash
# The tests of tier 1 and of the links under ThreadSanitizer or AddressSanitizer: `packaging/sanitize.sh thread|address`. With `demo` behind it
# the daemon on the demo's dock instead: libusb, udev, ttys and the HTTP server, whose place others take in those tests.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?thread or address}
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${TEST_WIDTH:-3}
# The first report ends the run: a data race is none that a test may pass with.
export TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/packaging/thread.supp" ASAN_OPTIONS="detect_leaks=0"
flags=(--sanitize="$kind" --scratch-path ".build-$kind")
if [ "${2:-tests}" = demo ]; then
    swift build --product reflashd "${flags[@]}"
    REFLASHD="$PWD/.build-$kind/debug/reflashd" bash demo/run.sh
    echo "sanitize: no $kind error in the daemon"
    exit
fi
export TESTS=tier-1
swift build --build-tests "${flags[@]}"
timeout --kill-after=30 "${SANITIZE_TIMEOUT:-900}" swift test --skip-build "${flags[@]}" --skip 'ShiftTests|AttributionTests|BadLineTests'
echo "sanitize: no $kind error"
