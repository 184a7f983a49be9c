# "make" lists the targets; "make check" is all that CI runs.

GO        ?= go
FUZZTIME  ?= 2s
# Limit for all targets of one short fuzz run together, in seconds.
FUZZBUDGET ?= 150
BENCH     ?= .
BENCHPKGS ?= ./schc
COUNT     ?= 10
TESTFLAGS ?= -timeout 30m
# STRICT=1 turns a check that is skipped, because a program is missing, into a failure.
STRICT    ?=

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

WORK := .check
# Core packages build with TinyGo, some of which know no more than Go 1.22.
CORE := $(wildcard schc lowpan esp dietesp ehc sse gpcomp \
	internal/bitio internal/inet internal/ghc internal/ccm internal/oscore internal/seqno)
# What runs under big-endian emulation, which is slow.
BEPKGS ?= $(addprefix ./,$(CORE))

# skip TEXT: says that a check was left out, and remembers it for the summary.
define shell_lib
skip() { \
	echo "SKIPPED: $$*"; mkdir -p $(WORK); echo "$$*" >>$(WORK)/skipped; \
	[ -z "$(STRICT)" ] || exit 1; \
}; \
runs() { \
	local d s=0; d=$$(mktemp -d); \
	printf 'module probe\n' >$$d/go.mod; printf 'package main\nfunc main() {}\n' >$$d/main.go; \
	(cd $$d && env "$$@" $(GO) run $${PROBE_FLAGS:-} . >/dev/null 2>&1) || s=1; \
	rm -rf $$d; return $$s; \
}
endef

##@ Building
build: ## build the tool as bin/schc
	$(GO) build -buildvcs=auto -trimpath -o bin/schc ./cmd/schc

install: ## install the tool where "go install" puts programs
	$(GO) install -buildvcs=auto -trimpath ./cmd/schc

demo: build ## the main job on a shipped capture: savings per Rule, compress, restore, compare
	bin/schc stats -C testdata/rules/coap.json -r testdata/captures/coap.pcap
	bin/schc compress -C testdata/rules/coap.json -r testdata/captures/coap.pcap -w bin/small.pcapng
	bin/schc decompress -C testdata/rules/coap.json -r bin/small.pcapng -w bin/again.pcap
	cmp testdata/captures/coap.pcap bin/again.pcap && echo "the restored capture is identical"

clean: ## remove what the other targets made
	rm -rf bin $(WORK) bench.txt

##@ Checking
check: ## all of the following; all that CI runs
	@rm -f $(WORK)/skipped
	@$(MAKE) --no-print-directory fmt vet lint lang test test-32bit test-bigendian fuzz-short vectors-lint docs
	@if [ -s $(WORK)/skipped ]; then echo "check: passed; skipped here:"; sed 's/^/  /' $(WORK)/skipped; \
	else echo "check: passed"; fi

fmt: ## formatting: lists the files that gofmt would change
	@files=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .); \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

lint: ## staticcheck, at the version of tools/go.mod
	@$(shell_lib); mkdir -p $(WORK)/bin; \
	if $(GO) build -modfile=tools/go.mod -o $(WORK)/bin/staticcheck honnef.co/go/tools/cmd/staticcheck; then \
		echo "$(WORK)/bin/staticcheck ./..."; $(WORK)/bin/staticcheck ./...; \
	else skip "staticcheck: cannot be downloaded or built here"; fi

lang: ## core packages keep to the language of Go 1.22
	$(if $(CORE),$(GO) build -gcflags=-lang=go1.22 $(addprefix ./,$(CORE)),@true)

test: ## all tests, with the race detector and in random order
	@$(shell_lib); race=-race; \
	PROBE_FLAGS=-race runs CGO_ENABLED=1 || { race=; skip "race detector: needs cgo and a C compiler"; }; \
	echo "$(GO) test $$race -shuffle=on $(TESTFLAGS) ./..."; \
	$(GO) test $$race -shuffle=on $(TESTFLAGS) ./...

test-32bit: ## all tests as a 32-bit program
	@$(shell_lib); case $$($(GO) env GOHOSTARCH) in arm64) arch=arm ;; *) arch=386 ;; esac; \
	if runs CGO_ENABLED=0 GOARCH=$$arch; then \
		echo "GOARCH=$$arch $(GO) test $(TESTFLAGS) ./..."; \
		CGO_ENABLED=0 GOARCH=$$arch $(GO) test $(TESTFLAGS) ./...; \
	else skip "32-bit tests: this machine does not run GOARCH=$$arch"; fi

test-bigendian: ## core tests on a big-endian processor, with qemu-user
	@$(shell_lib); \
	if command -v qemu-s390x >/dev/null; then arch=s390x; \
	elif command -v qemu-mips >/dev/null; then arch=mips; \
	else skip "big-endian tests: qemu-user is not installed"; exit 0; fi; \
	pkgs=$$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $(BEPKGS)); \
	echo "GOARCH=$$arch $(GO) test -short -exec qemu-$$arch" $$pkgs; \
	CGO_ENABLED=0 GOARCH=$$arch GOMIPS=softfloat $(GO) test -short $(TESTFLAGS) -exec qemu-$$arch $$pkgs

fuzz-short: ## every fuzz target for FUZZTIME (3s), at most FUZZBUDGET seconds
	@GO="$(GO)" tools/fuzz.sh $(FUZZTIME) $(FUZZBUDGET)

vectors-lint: ## the conformance vectors are what their generator writes
	@if [ -d vectors/gen ]; then echo "$(GO) run ./vectors/gen -check"; $(GO) run ./vectors/gen -check; fi

docs: ## package comments, links and make targets in the documentation
	@GO="$(GO)" tools/docs.sh

##@ Longer
fuzz: ## every fuzz target for a minute, or FUZZTIME=10m
	@GO="$(GO)" tools/fuzz.sh $(if $(filter command line environment,$(origin FUZZTIME)),$(FUZZTIME),1m) 0

soak: ## one million simulated fragmented transfers (minutes)
	SOAK=1000000 $(GO) test -run TestSoak -timeout 30m -v ./schc

bench: ## benchmarks, COUNT (10) runs, with benchstat; OLD=FILE compares
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 60m $(BENCHPKGS) | tee bench.txt
	$(GO) tool -modfile=tools/go.mod benchstat $(OLD) bench.txt

vectors: ## write the conformance vectors anew
	$(GO) run ./vectors/gen

help: ## this list
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: build install demo soak clean check fmt vet lint lang test test-32bit test-bigendian \
	fuzz-short vectors-lint docs fuzz bench vectors help
