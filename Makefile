# Quiver's targets. `make` alone lists them. The shell is strict: a failing command
# or pipe or an unset variable stops the recipe.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules

BIN := bin/quiver
# FUZZTIME is how many executions (or how long, as 30s) each fuzz target gets; RACETIMEOUT bounds one package's tests.
FUZZTIME ?= 5000x
RACETIMEOUT ?= 8m
PKGS ?= ./...
# The commit shown by `quiver version`; "unknown" outside a git checkout.
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## compile the product to bin/quiver
	go build -trimpath -ldflags "-X main.commit=$(COMMIT)" -o $(BIN) ./cmd/quiver

.PHONY: demo
demo: build ## load the demo data into a temporary folder and serve it on 127.0.0.1:4406
	$(BIN) demo

.PHONY: test
test: needs lint arch race fuzz ## everything: vet, linters, import rules, all tests with the race detector, short fuzzing

.PHONY: race
race: needcc ## all tests with the race detector
	go test -race -timeout $(RACETIMEOUT) $(PKGS)

# DURATION and OPERATIONS bound it, whichever comes first.
DURATION ?= 10m
OPERATIONS ?= 10000000
.PHONY: stale
stale: ## look for stale reads: writes, removals, loads and reloads beside reads through the cache (10 min or 10 M operations)
	go test -count=1 -timeout 30m -v -run '^TestStale$$' ./engine -history $(DURATION) -operations $(OPERATIONS)

# SHORT=1 takes less than a minute. The benchmarks of `go test -bench` are in ./bench.
SHORT ?=
.PHONY: bench
bench: ## one table of what the product does beside ceilings and a naive server (10 min; SHORT=1: 1 min)
	go build -o bin/tools/bench ./tools/bench
	bin/tools/bench table $(if $(SHORT),-short)

# UPDATE=1 records what is measured.
UPDATE ?=
.PHONY: bench-guard
bench-guard: ## fails when something costs more than bench/guard.json says (UPDATE=1 records it anew)
	go test -count=1 -run '^Test(Allocations|NoAllocationPerRequest)$$' ./bench
	go build -o bin/tools/bench ./tools/bench
	bin/tools/bench guard $(if $(UPDATE),-update)

.PHONY: bench-goals
bench-goals: build ## other views, writes and loads beside reads, memory, time to start (6 min; SHORT=1: 2 min)
	go build -o bin/tools/bench ./tools/bench
	bin/tools/bench goals -quiver $(BIN) $(if $(SHORT),-short)

.PHONY: bench-peers
bench-peers: ## the product beside a feature service over Redis, on the same rows (SHORT=1 for less)
	tools/peers/run $(if $(SHORT),-short)

.PHONY: bench-predict
bench-predict: ## predictions beside the same model behind FastAPI and onnxruntime in Python (SHORT=1 for less)
	tools/peers/predict $(if $(SHORT),-short)

# Costs mean nothing under the race detector, so their tests are left out of `make race`.
.PHONY: costs
test: costs
costs: ## the tests of allocations and costs, which `make race` leaves out
	go test -count=1 -p 1 -run 'Alloc|Guard|Cost' $(PKGS)

.PHONY: lint
lint: ## go vet, staticcheck and gofumpt; versions are pinned in tools/lint/run
	tools/lint/run

.PHONY: arch
arch: ## the import rules, module floors and the shape of the tree (never from the test cache)
	go test -count=1 ./tools/arch

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME executions (5000x) or seconds (30s)
	tools/fuzz/run $(FUZZTIME)

.PHONY: needs
needs: ## install the programs the tests run, from Debian's packages (tools/needs/run)
	tools/needs/run

# The race detector links C code, so it needs a C compiler.
.PHONY: needcc
needcc:
	@command -v "$$(go env CC)" >/dev/null || { \
	  echo "make: the race detector needs a C compiler and '$$(go env CC)' is not installed (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }
	@test "$$(go env CGO_ENABLED)" = 1 || { \
	  echo "make: the race detector needs cgo, and CGO_ENABLED is 0; unset it" >&2; exit 1; }
