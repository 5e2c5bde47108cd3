# SPDX-License-Identifier: Apache-2.0
# The front door; the build itself is meson's. On a fresh Debian 12 or Ubuntu 24.04 `make run` and
# `make test` need nothing but make: what is missing is installed first. Whatever a tool has to say goes to
# stderr, so that `make -s run | jq .` sees records only. `make help` lists the targets.

BUILD  ?= build
PREFIX ?= /usr/local
ARGS   ?=
FUZZ_SECONDS ?= 60
ROUNDS ?= 200

MAKEFLAGS += --no-print-directory
.PHONY: help deps build run test test-unit test-asan test-e2e test-vm test-faults test-bounds bench lint fmt fuzz install clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo '  variables: BUILD=$(BUILD) PREFIX=$(PREFIX) DESTDIR= ARGS= FUZZ_SECONDS=$(FUZZ_SECONDS) ROUNDS=$(ROUNDS)'

deps: ## install the packages that building needs (sudo where not root)
	@tools/deps build >&2

build: deps $(BUILD)/build.ninja ## build $(BUILD)/proctrail
	@ninja -C $(BUILD) proctrail >&2

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >&2

run: build ## run the agent: this machine's processes, as JSON lines on stdout; ARGS= are passed on
	@if [ "$$(id -u)" = 0 ]; then exec $(BUILD)/proctrail run $(ARGS); \
	else exec sudo $(BUILD)/proctrail run $(ARGS); fi

test: ## every test: style, unit, saved fuzz inputs, both again under ASan and UBSan, end to end, faults in short
	@tools/deps build test >&2
	@tools/run-tests --build $(BUILD) $(ARGS)

test-unit: ## only the unit tests
	@tools/deps build test >&2
	@tools/run-tests --build $(BUILD) unit $(ARGS)

test-asan: ## everything that runs under ASan and UBSan, end to end too
	@tools/deps build test >&2
	@tools/run-tests --build $(BUILD) asan e2e-asan $(ARGS)

test-e2e: ## only the end-to-end tests (root); ARGS="-- -k NAME" chooses
	@tools/deps build test >&2
	@tools/run-tests --build $(BUILD) e2e $(ARGS)

test-faults: ## kills, full disks, broken files, ...: ROUNDS of each, and nothing is lost that is not reported (root)
	@tools/deps build test >&2
	@ROUNDS=$(ROUNDS) tools/run-tests --build $(BUILD) faults $(ARGS)

test-bounds: ## fork bombs, 10,000 processes, pids that wrap, long arguments, in their long forms (root)
	@tools/deps build test >&2
	@tools/run-tests --build $(BUILD) bounds $(ARGS)

test-vm: build ## the agent on Debian's kernels 6.1 and 6.12, in QEMU (qemu-system-x86, busybox-static)
	@tools/deps test >&2
	@PROCTRAIL=$(abspath $(BUILD))/proctrail PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 -m pytest -v -p no:cacheprovider --tb=short --timeout=600 tests/vm $(ARGS)

bench: ## what the agent costs, beside others (root, minutes); QUICK=1 in two, ARGS="--only ROW", ARGS=--help
	@tools/deps build bench >&2
	@[ -e $(BUILD)/build.ninja ] || meson setup $(BUILD) >&2
	@tests/bench/run --build $(BUILD) $(if $(QUICK),--quick) $(ARGS)

lint: ## clang-format, clang-tidy, compiler warnings, and the checks of tools/
	@tools/deps build test lint >&2
	@tools/lint

fmt: ## format the C files in place, or those in ARGS=
	@tools/deps lint >&2
	@tools/fmt $(ARGS)

fuzz: ## each target of tests/fuzz for FUZZ_SECONDS; ARGS= chooses targets
	@tools/deps build fuzz >&2
	@tools/run-fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

install: build ## install below $(DESTDIR)$(PREFIX)
	@meson configure $(BUILD) -Dprefix=$(PREFIX) >&2
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) >&2

clean: ## remove what was built
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-faults build-fuzz build-lint-gcc build-lint-clang
