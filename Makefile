# hotline: what a developer, an operator and CI call. `make` lists it.
#
# Only Go is needed for build, demo and test. Node builds the console anew and
# runs the browser tests; a C compiler is for the race detector alone.

GO       ?= go
BIN      ?= bin/hotline
FUZZTIME ?= 10s
TIMEOUT  ?= 10m
ARGS     ?=

# The binary and the tests that count are the same everywhere: no cgo.
export CGO_ENABLED = 0

# Built once into .cache, by Go itself: no binary of others is fetched.
GOLANGCI_VERSION = v2.15.0
GOLANGCI         = .cache/golangci-lint-$(GOLANGCI_VERSION)

# Packages whose goroutines share state. What measures time or memory, or needs
# a fast child process, says nothing under the race detector.
RACE      ?= ./internal/api ./internal/console ./internal/desk ./internal/exchange ./internal/link ./internal/relay \
             ./internal/spool/... ./internal/store ./internal/trust ./internal/watch
RACE_SKIP ?= ^TestKilled|^TestBench|Memory|NoTime

# The Go Cryptographic Module that FIPS builds use: v1.26.0, with which all that
# hotline does runs in fips140=only (docs/spec/suite.md, Section 5).
FIPS          ?= v1.26.0
FIPS_PACKAGES ?= ./internal/suite ./internal/chain ./internal/ceremony ./internal/roster ./internal/joining ./internal/checkpoint \
                 ./internal/complaint ./internal/wire ./internal/store ./internal/link

.DEFAULT_GOAL := help
.PHONY: help build demo test check vet go-test browser-tools race long attacks hostile mutants model fuzz wycheproof reader coverage fips build-fips bench web hooks lint lint-tool screenshots shape docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/hotline, stripped, without cgo
	$(GO) build -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/hotline

build-fips: ## build bin/hotline-fips with the frozen FIPS 140-3 module FIPS (v1.26.0)
	GOFIPS140=$(FIPS) $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)-fips ./cmd/hotline

demo: build ## start a relay and three desks here, and play a short exercise
	$(BIN) demo $(ARGS)

test: check browser-tools go-test ## everything that a change must pass; Go alone is enough
	@echo 'make test: passed'

check: vet ## the fast part of test: formatting, vet, the shape of the tree
	$(GO) test ./internal/arch

vet:
	@files=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$files" ]; then printf 'not formatted (gofmt -w):\n%s\n' "$$files"; exit 1; fi
	$(GO) vet ./...

go-test: browser-tools
	$(GO) test -shuffle=on -timeout $(TIMEOUT) ./...

browser-tools:
	@scripts/browser-tools

race: ## the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 20m -skip '$(RACE_SKIP)' $(RACE)

long: ## kill and restart a demo's processes for minutes, with 200 sends each time
	HOTLINE_LONG=1 $(GO) test -count=1 -timeout 15m -run '^TestKilled' ./internal/endtoend

attacks: ## the attacks in full: every byte, every write, 10^6 tries; an hour
	HOTLINE_LONG=1 $(GO) test -count=1 -timeout 3h ./internal/ceremony ./internal/roster ./internal/store ./internal/spool/... ./internal/chain

hostile: ## each misdeed of a relay with 10,000 messages, each in a process of its own; JSON lines in .cache/hostile.jsonl
	@mkdir -p .cache
	HOTLINE_HOSTILE=$${HOTLINE_HOSTILE:-10000} HOTLINE_HOSTILE_RESULTS=$${HOTLINE_HOSTILE_RESULTS:-$(CURDIR)/.cache/hostile.jsonl} \
		$(GO) test -count=1 -timeout 0 -v -run '^TestHostileCampaign$$' ./internal/hostile

mutants: ## plant each bug of museum/ in a copy of the tree; its test must fail
	scripts/mutants $(ARGS)

model: ## search the large cases of the model whole, and 100,000 random schedules
	$(GO) test -count=1 -timeout 60m -v ./internal/model -long -rapid.checks=100000

fuzz: ## run each fuzz target for FUZZTIME (10s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz

wycheproof: ## hold each primitive to the vectors of Project Wycheproof (fetches 20 MB once)
	cd test/wycheproof && $(GO) mod download
	HOTLINE_WYCHEPROOF=$$(cd test/wycheproof && $(GO) list -m -f '{{.Dir}}' github.com/c2sp/wycheproof)/testvectors_v1 \
		$(GO) test -count=1 -run '^TestWycheproof' ./internal/suite

reader: ## have the second reader, in node, read all frozen vectors
	cd test/reader && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(GO) test -count=1 -run '^TestSecondReader' ./internal/wire ./internal/chain

coverage: ## statements that tests run in the packages of the line's security; fails below 95 %
	scripts/coverage

fips: ## the cryptography, and two desks of suite 2, where Go refuses all that FIPS 140-3 does not allow
	GOFIPS140=$(FIPS) GODEBUG=fips140=only $(GO) test -count=1 $(FIPS_PACKAGES)
	GOFIPS140=$(FIPS) GODEBUG=fips140=only $(GO) test -count=1 -run '^TestScripts$$/^suite2$$' ./cmd/hotline

bench: build ## measure, one JSON object a line
	$(BIN) bench flash --json $(ARGS)
	$(BIN) bench throughput --json $(ARGS)
	$(BIN) bench sizes --json

web: ## build the console anew into internal/console/dist (needs node)
	cd web && npm ci --no-audit --no-fund && npm run build

screenshots: browser-tools ## take docs/images anew with Chromium (needs node)
	HOTLINE_BROWSER=require $(GO) test -count=1 ./internal/console/gallery -run '^TestScreenshots$$' -update

lint: lint-tool ## golangci-lint with .golangci.yml (the first run builds it)
	$(GOLANGCI) run ./...

lint-tool: $(GOLANGCI)

$(GOLANGCI):
	@mkdir -p .cache
	GOBIN=$(CURDIR)/.cache $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .cache/golangci-lint $@

shape: ## sizes of files and functions, by floor
	@$(GO) test -count=1 -run '^TestShape$$' -v ./internal/arch | grep -vE '^(=== |--- |PASS|ok )'

docs: ## write the generated pages of docs/ anew
	$(GO) test -count=1 ./cmd/hotline -run '^TestDocs' -update

hooks: ## let git run `make check` before each commit
	git config core.hooksPath .githooks

clean: ## remove what build made
	rm -rf bin
