#!/usr/bin/env bash
# `make fuzz`: coverage-guided fuzzing of every parser of outside bytes, FUZZ_SECONDS each (60 unless told otherwise).
# FUZZERS="FuzzCBOR:cbor" runs that one alone. Finds are kept in .build-fuzz/finds; a crash leaves its input there and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
# The Swift runtime's own crash handler would keep libFuzzer from saving the input.
export FUZZING=1 SWIFT_BACKTRACE=enable=no
all='FuzzImages:images FuzzDescriptors:descriptors FuzzCBOR:cbor FuzzSMPMessages:smp-messages FuzzSMPFraming:smp-framing
     FuzzManifest:manifest FuzzTables:csv FuzzSignatures:cms FuzzBundles:bundle'
for fuzzer in ${FUZZERS:-$all}; do
    product=${fuzzer%%:*}
    mkdir -p .build-fuzz
    swift build --scratch-path .build-fuzz --sanitize=fuzzer --product "$product" >".build-fuzz/$product.log" 2>&1 ||
        { grep -A8 'error' ".build-fuzz/$product.log"; exit 1; }
    finds=.build-fuzz/finds/${fuzzer##*:}
    mkdir -p "$finds"
    echo "fuzz: $product for ${FUZZ_SECONDS:-60} s"
    if ! ".build-fuzz/debug/$product" -max_total_time="${FUZZ_SECONDS:-60}" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$finds/crash-" "$finds" "Tests/Fuzzing/Corpus/${fuzzer##*:}" \
        >".build-fuzz/$product.log" 2>&1; then
        tail -30 ".build-fuzz/$product.log"
        echo "fuzz: $product failed; its input is in $finds"
        exit 1
    fi
    grep 'stat::number_of_executed_units' ".build-fuzz/$product.log"
done
echo "fuzz: no crash"
