# DevOps Trouble Map. `make help` lists what there is.

SHELL := /bin/bash
GO ?= go
NPM ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT_VERSION := v2.15.0
TOOLS := $(CURDIR)/.cache/bin
LINT := $(TOOLS)/golangci-lint-$(LINT_VERSION)
UI_SOURCES := $(shell find web/src web/public web/index.html web/*.ts web/package-lock.json -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run build ui test test-go test-ui test-browser test-pages lint bpf fuzz bench clean

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
PURE := dotm/(topology|report|aggregate|grouping|layout|mapping|proctext|recent|site|trouble)(/|$$)
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

bpf: ## compile the eBPF programs (needs clang-16, llvm-16, libbpf-dev)
	scan/kernel/bpf/build.sh

FUZZTIME ?= 10s
fuzz: ## fuzz every parser of outside input (FUZZTIME=10s each)
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include=*_test.go .); do \
	  for t in $$(grep -oE '^func Fuzz[A-Za-z0-9]+' $$f | cut -c6-); do \
	    echo "$$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); done; done

bench: build ## run the benchmarks that docs/benchmarks.md reports
	$(GO) test -run '^$$' -bench . -benchmem ./report ./topology ./aggregate/... ./grouping/... ./layout ./view ./scan ./store/... ./trouble ./api
	$(GO) run ./bench/layout
	$(GO) run ./bench/trouble
	$(GO) run ./bench/up
	@if [ "$$(id -u)" = 0 ]; then $(GO) run ./bench/agent && $(GO) run ./bench/fleet; else echo "as root: go run ./bench/agent; go run ./bench/fleet"; fi

clean: ## remove what was built
	rm -rf bin web/node_modules .cache && find web/dist -mindepth 1 ! -name .gitkeep -delete
