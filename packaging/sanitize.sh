#!/usr/bin/env bash
# The tests of tier 1 and of the links under ThreadSanitizer or AddressSanitizer: `packaging/sanitize.sh thread|address`.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?thread or address}
export TESTS=tier-1 SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${TEST_WIDTH:-3}
# The first report ends the run: a data race is none that a test may pass with.
export TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/packaging/thread.supp" ASAN_OPTIONS="detect_leaks=0"
flags=(--sanitize="$kind" --scratch-path ".build-$kind")
swift build --build-tests "${flags[@]}"
timeout --kill-after=30 "${SANITIZE_TIMEOUT:-900}" swift test --skip-build "${flags[@]}" --skip 'ShiftTests|AttributionTests|BadLineTests'
echo "sanitize: no $kind error"
