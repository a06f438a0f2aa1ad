# The two commands of the README are `make demo` and `make test`. Both install what they need.
SWIFT ?= swift
BUILD = $(SWIFT) build
# With Swift's libraries in the programs: nothing else needs to be there, they start in half the time, and run a tenth faster.
RELEASE = $(BUILD) -c release --static-swift-stdlib
export SWIFT_BACKTRACE ?= enable=no
SWIFT_FILES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

.PHONY: demo test test-kernel test-interop campaigns sanitize bench fuzz build format lint clean setup programs

demo: setup programs
	@bash demo/run.sh

test: setup
	@bash packaging/test.sh

# Debian's kernel, real udev and our rules in a virtual machine, with units at its USB host controllers.
test-kernel: setup programs
	@.venv/bin/python Tests/Kernel/stage.py

# Real Zephyr and MCUboot firmware on emulated boards, beside smpclient.
test-interop: setup programs
	@.venv/bin/python Tests/Interop/interop.py $(BOARDS)

# Seeds that have found a fault: a unit that ran the release and was called failed; a port that had no power when the bench was cut off;
# (1085) a simulated bootloader's wait that outlived its start; (18653) a unit that came back where it was while another slot claimed its name.
KEPT_SEEDS = 819 1085 5001 5010 5095 5098 5105 18653

# Whole benches in virtual time, and everything that can go wrong on them; by seeds, of which the failing ones are named.
campaigns: setup
	$(RELEASE) --product campaigns
	.build/release/campaigns --from $(or $(FROM),1) --count $(or $(COUNT),1000)
	for seed in $(KEPT_SEEDS); do .build/release/campaigns --from $$seed --count 1 || exit 1; done

# Tier 1 and the links under ThreadSanitizer, then under AddressSanitizer; then the daemon, with real libusb, on the demo's dock.
sanitize: programs
	@bash packaging/sanitize.sh thread
	@bash packaging/sanitize.sh address
	@bash packaging/sanitize.sh thread demo
	@bash packaging/sanitize.sh address demo

# Every speed that is claimed, beside the peers, with optimised programs.
bench: build
	$(RELEASE) --product journal-load --package-path Benchmarks --scratch-path .build
	@bash Benchmarks/run.sh

fuzz: setup
	@bash packaging/fuzz.sh

# Optimised programs, for a bench.
build: setup
	$(RELEASE) --product reflashd
	$(RELEASE) --product reflashctl
	$(RELEASE) --product hubsim

programs: setup
	$(BUILD) --product reflashd
	$(BUILD) --product reflashctl
	$(BUILD) --product hubsim

setup:
	@bash packaging/setup.sh

format:
	$(SWIFT) format --in-place --recursive $(SWIFT_FILES)

lint:
	$(SWIFT) format lint --strict --recursive $(SWIFT_FILES)

clean:
	rm -rf .build .build-fuzz .build-thread .build-address .demo .interop .venv
