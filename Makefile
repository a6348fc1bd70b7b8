# DevOps Trouble Map. `make help` lists what there is.

SHELL := /bin/bash
GO ?= go
NPM ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT_VERSION := v2.15.0
TOOLS := $(CURDIR)/.cache/bin
LINT := $(TOOLS)/golangci-lint-$(LINT_VERSION)
NFPM_VERSION := v2.45.2
NFPM := $(TOOLS)/nfpm-$(NFPM_VERSION)
CYCLONEDX_VERSION := v1.10.0
CYCLONEDX := $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX_VERSION)
UI_SOURCES := $(shell find web/src web/public web/index.html web/*.ts web/package-lock.json -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run build ui test test-go test-ui test-browser test-pages test-packages packages release lintian manifests reproduce lint security vuln bpf fuzz bench bench-baseline bench-all clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

run: build ## build everything and show this machine on http://127.0.0.1:4849
	@exec bin/dotm up $(ARGS)

build: web/dist/index.html ## build bin/dotm with its UI
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/dotm ./cmd/dotm

ui: web/dist/index.html ## build the UI into web/dist

web/node_modules/.package-lock.json: web/package-lock.json
	@command -v $(NPM) >/dev/null || { echo 'The UI needs Node 20 or newer with npm (Debian: apt install nodejs npm). Without it: go build ./cmd/dotm'; exit 1; }
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(UI_SOURCES)
	cd web && $(NPM) run --silent build
	@touch web/dist/.gitkeep $@

test: lint test-go test-ui test-browser ## run every test

# These are pure and start no goroutine: the race detector has nothing to see there.
PURE := dotm/(topology|report|aggregate|drift|grouping|layout|mapping|plaintext|proctext|recent|site|trouble)(/|$$)
ALONE := /test/(real|fleet)$$

test-go: ## run the Go tests, with the race detector where anything runs at once
	$(GO) test $$($(GO) list ./... | grep -E '$(PURE)')
	$(GO) test -race -p 3 $$($(GO) list ./... | grep -vE '$(PURE)|$(ALONE)') # many wait for servers
	$(GO) test -run Flipped ./store/bolt # what the race detector would stop at
	$(GO) test -race -count=1 ./test/real # tests a binary that go test doesn't know of
	$(GO) test -race -count=1 -parallel 6 ./test/fleet # whole sites of hosts, which mostly wait

test-ui: web/dist/index.html ## check types, lint and test the UI
	cd web && $(NPM) run --silent typecheck && $(NPM) run --silent lint && $(NPM) run --silent test && $(NPM) run --silent size

test-browser: build ## try the UI in a real browser against a real dotm
	cd web && node --test $$(ls e2e/*.test.mjs | grep -vE '$(PAGES)')

# Those that go through every page, at every size, on good days and bad: three minutes.
PAGES := e2e/(everyone|badday|looks)\.
test-pages: build ## try every page: by keyboard, with axe, on bad days, by its looks
	cd web && node --test $$(ls e2e/*.test.mjs | grep -E '$(PAGES)')

lint: $(LINT) ## lint the Go code, and see that it builds for macOS
	$(LINT) run
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/dotm

$(LINT):
	@echo 'Building golangci-lint $(LINT_VERSION) into .cache/bin (once, a few minutes).'
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(TOOLS)/golangci-lint $@

GOVULNCHECK_VERSION := v1.9.0
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)
security: $(LINT) vuln ## look for known holes in what is used, and for unsafe code
	$(LINT) run --enable-only gosec

vuln: $(GOVULNCHECK) ## look for known holes: asks vuln.go.dev, else the Go module proxy, and says whom
	GO='$(GO)' GOVULNCHECK=$(GOVULNCHECK) packaging/vuln.sh

$(GOVULNCHECK):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@mv $(TOOLS)/govulncheck $@

packages: web/dist/index.html $(NFPM) $(CYCLONEDX) ## build packages, archives, SBOMs and checksums into dist/
	GO='$(GO)' NFPM=$(NFPM) CYCLONEDX=$(CYCLONEDX) packaging/build.sh

$(NFPM):
	@echo 'Building nfpm $(NFPM_VERSION) into .cache/bin (once, minutes).'
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) CGO_ENABLED=0 $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	@mv $(TOOLS)/nfpm $@

$(CYCLONEDX):
	@echo 'Building cyclonedx-gomod $(CYCLONEDX_VERSION) into .cache/bin (once, a minute).'
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) CGO_ENABLED=0 $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)
	@mv $(TOOLS)/cyclonedx-gomod $@

GORELEASER_VERSION := v2.15.0
GORELEASER := $(TOOLS)/goreleaser-$(GORELEASER_VERSION)
release: $(GORELEASER) ## try a release: everything but the upload
	$(GORELEASER) check
	$(GORELEASER) release --snapshot --clean

$(GORELEASER):
	@echo 'Building goreleaser $(GORELEASER_VERSION) into .cache/bin (once, minutes).'
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) CGO_ENABLED=0 $(GO) install github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
	@mv $(TOOLS)/goreleaser $@

lintian: ## read the packages of dist/ as Debian does
	lintian --allow-root --fail-on error,warning dist/*.deb

manifests: ## read the Kubernetes manifests as the API server does
	cd packaging/kubernetes/check && $(GO) run . ../server.yaml ../agent.yaml

reproduce: $(NFPM) $(CYCLONEDX) ## build everything twice, in different places, and compare the bytes
	packaging/reproduce.sh

# Machines that boot the packages: they need root, podman, mmdebstrap and a mirror.
PACKAGES_ROOT := $(CURDIR)/.cache/packages-root
TEST_KEY := $(CURDIR)/.cache/test-key.asc
test-packages: export SIGNING_KEY := $(TEST_KEY)
test-packages: $(TEST_KEY) packages $(PACKAGES_ROOT)/sbin/init ## install the packages on machines that boot, upgrade them, take them away (as root)
	NFPM=$(NFPM) CYCLONEDX=$(CYCLONEDX) packaging/before.sh .cache/packages-before
	DOTM_PACKAGES=$(CURDIR)/dist DOTM_PACKAGES_BEFORE=$(CURDIR)/.cache/packages-before DOTM_PACKAGES_ROOT=$(PACKAGES_ROOT) \
	  $(GO) test -count=1 -timeout 20m -v ./test/packages

$(TEST_KEY):
	packaging/testkey.sh $@

$(PACKAGES_ROOT)/sbin/init:
	packaging/root.sh $(PACKAGES_ROOT)

bpf: ## compile the eBPF programs (needs clang-16, llvm-16, libbpf-dev)
	scan/kernel/bpf/build.sh

FUZZTIME ?= 10s
fuzz: ## fuzz every parser of outside input (FUZZTIME=10s each)
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include=*_test.go .); do \
	  for t in $$(grep -oE '^func Fuzz[A-Za-z0-9]+' $$f | cut -c6-); do \
	    echo "$$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); done; done

PERF_VERSION := v0.0.0-20260908200009-22c9c6c9d4da
BENCHSTAT := $(TOOLS)/benchstat-$(PERF_VERSION)
bench: $(BENCHSTAT) ## benchmark what is done all the time (minutes), and compare it with bench/results/baseline.txt
	@mkdir -p bench/results
	GO='$(GO)' bench/short.sh > bench/results/latest.txt
	@test -s bench/results/baseline.txt || { echo 'There is no baseline: make bench-baseline makes this one it.'; $(BENCHSTAT) bench/results/latest.txt; exit 0; }; \
	grep -E '^(commit|machine|load): ' bench/results/baseline.txt | sed 's/^/baseline /'; \
	grep -E '^(commit|machine|load): ' bench/results/latest.txt | sed 's/^/latest   /'; \
	$(BENCHSTAT) baseline=bench/results/baseline.txt latest=bench/results/latest.txt

bench-baseline: ## make what was measured last the baseline
	cp bench/results/latest.txt bench/results/baseline.txt

$(BENCHSTAT):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install golang.org/x/perf/cmd/benchstat@$(PERF_VERSION)
	@mv $(TOOLS)/benchstat $@

bench-all: build ## run all that docs/benchmarks.md reports (an hour)
	$(GO) test -run '^$$' -bench . -benchmem ./report ./topology ./aggregate/... ./grouping/... ./layout ./view ./scan ./store/... ./trouble ./api/views ./api/stream
	$(GO) run ./bench/layout
	$(GO) run ./bench/trouble
	$(GO) run ./bench/up
	$(GO) run ./bench/site -scale 100,1000
	@if [ "$$(id -u)" = 0 ]; then $(GO) run ./bench/agent && $(GO) run ./bench/fleet; else echo "as root: go run ./bench/agent; go run ./bench/fleet"; fi

clean: ## remove what was built
	rm -rf bin dist web/node_modules .cache && find web/dist -mindepth 1 ! -name .gitkeep -delete
