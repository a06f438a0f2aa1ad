#!/usr/bin/env bash
# `make fuzz`: coverage-guided fuzzing of every parser of outside bytes, FUZZ_SECONDS each (60 unless told otherwise), as many at once as
# there are processors. FUZZERS="FuzzCBOR:cbor" runs that one alone. Finds are kept in .build-fuzz/finds; a crash leaves its input there and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
# The Swift runtime's own crash handler would keep libFuzzer from saving the input.
export FUZZING=1 SWIFT_BACKTRACE=enable=no
all='FuzzImages:images FuzzDescriptors:descriptors FuzzCBOR:cbor FuzzSMPMessages:smp-messages FuzzSMPFraming:smp-framing
     FuzzManifest:manifest FuzzTables:csv FuzzSignatures:cms FuzzBundles:bundle'

fuzz() {
    local product=${1%%:*} corpus=${1##*:}
    local finds=.build-fuzz/finds/$corpus log=.build-fuzz/$product.log
    mkdir -p "$finds"
    if ! ".build-fuzz/debug/$product" -max_total_time="${FUZZ_SECONDS:-60}" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$finds/crash-" "$finds" "Tests/Fuzzing/Corpus/$corpus" >"$log" 2>&1; then
        tail -30 "$log"
        echo "fuzz: $product failed; its input is in $finds"
        return 1
    fi
    echo "fuzz: $product for ${FUZZ_SECONDS:-60} s, $(awk '/stat::number_of_executed_units/ { print $2 }' "$log") inputs"
}

mkdir -p .build-fuzz
swift build --scratch-path .build-fuzz --sanitize=fuzzer --disable-index-store >.build-fuzz/build.log 2>&1 ||
    { grep -A8 'error' .build-fuzz/build.log; exit 1; }
export -f fuzz
# shellcheck disable=SC2086,SC2016
printf '%s\n' ${FUZZERS:-$all} | xargs -P "$(nproc)" -I {} bash -c 'fuzz "$1"' fuzz {}
echo "fuzz: no crash"
