# The targets that a newcomer guesses; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GOFLAGS += -trimpath
LDFLAGS := -X main.version=$(VERSION)
# How long `make fuzz` looks at each parser.
FUZZTIME ?= 1m
# Tests run programs that they build, which the cache of go test does not see:
# -count=1. Every run is counted; .ci/run adds the runs up.
TOTALS ?= $(shell mktemp -u)
SUMMARY := go run ./test/summary -totals $(TOTALS)

.PHONY: build test check check-all bench release boot boot-extra boot-clean golden same fuzz lint versions fmt clean help

build: ## build bin/kubespore
	go build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o bin/kubespore ./cmd/kubespore

test: ## run the tests of all packages (a quarter of an hour on two slow cores)
	test/tools/prepare test
	go vet ./...
	go test -json -count=1 -timeout 30m ./... | $(SUMMARY) -name test

# Packages whose tests ask other programs: those of the tag real take Ignition, cloud-init, age,
# registries and the programs of other systems, those of the tag oracle Kubernetes and runtimes.
# What is skipped asks no one, and make test has run it.
ASKING := ./profiles ./pkg/media ./pkg/report ./pkg/verify ./pkg/volume/... ./test/applied ./test/oracle/... ./test/payload ./test/release ./test/services

# The race detector looks at what starts threads, and makes it ten times slower. `make test`
# runs what is left out here: what kills or signals programs, walks over all examples one by
# one, and scripts whose commands others run as well.
RACE := $(addprefix ./,$(sort $(dir $(shell grep -rlE --include='*.go' --exclude='*_test.go' 'errgroup|sync\.(Mutex|Map|Once|WaitGroup)|go func' pkg cmd))))
RACE_SKIP := TestKill|KilledAnywhere|InterruptedAnywhere|TestSignals|TestSpecialFiles|TestQuoting|TestExamples|TestBounds|TestFleetExample
RACE_SKIP := $(RACE_SKIP)|TestLowering|TestGolden|TestNextMinor|TestTampered|TestHostFiles|TestSeedPages|TestElsewhere|TestBadTopologies|TestSaferDefaults|TestExport|TestSealed|TestCustodies
RACE_SKIP := $(RACE_SKIP)|TestScripts/^(diff|seal|rotate|custody|security|schemas|init|inspect|walkthroughs|adopt|renew|usage|completion-.*|media-kinds|kit-upgrade)$$

check: lint ## have the real programs judge: Ignition and cloud-init apply every kind of document, and kubeadm, etcd, kube-apiserver (1.37)
	test/tools/prepare check
	go test -json -timeout 30m -race -skip '$(RACE_SKIP)' $(RACE) | $(SUMMARY) -name race
	go test -json -count=1 -timeout 60m -tags 'real oracle' -skip '^Test(Kit|HandOver|Reset)' $(ASKING) | $(SUMMARY) -name check

check-all: ## the oracles for every supported Kubernetes minor, and 400 builds killed
	KUBESPORE_MINORS='1.34 1.35 1.36 1.37' $(MAKE) check
	KUBESPORE_KILLS=400 go test -json -count=1 -timeout 60m -run TestKill ./cmd/kubespore | $(SUMMARY) -name kills

bench: ## the tables of docs/benchmarks.md: 1,000 and 10,000 hosts, next to their floor and their peers
	test/tools/prepare bench
	go run ./test/bench

DIST ?= $(CURDIR)/dist
release: ## write VERSION=v1.2.3 of all that is published into dist, the same bytes each time; KEY=FILE signs (docs/release.md)
	go -C release run . -tree .. -out $(DIST) -version $(VERSION) $(if $(KEY),-key $(abspath $(KEY)))

# boot: what to boot and how; see docs/boot-lab.md
LANE ?= container
LAB ?= kubespore-lab
BOOT = -tree . -name $(LAB) -lane $(LANE) $(if $(FORMAT),-format $(FORMAT)) $(if $(TOPOLOGY),-topology $(TOPOLOGY)) $(if $(SCENARIOS),-scenarios $(SCENARIOS)) $(if $(KEEP),-keep) $(if $(RESUME),-resume)

boot: ## boot machines from the documents alone, as root: all scenarios, SCENARIOS=ha,alone or TOPOLOGY=my.yaml; KEEP=1 leaves them up
	test/tools/prepare boot
	go -C test/boot test ./...
	go -C test/boot build -o $(CURDIR)/bin/bootlab .
	bin/bootlab $(BOOT) -totals $(TOTALS)

boot-extra: RESUME ?= 1
boot-extra: ## boot all that .ci/run leaves out, which takes hours; ended, it goes on where it was (RESUME= begins anew)
	$(MAKE) boot SCENARIOS=extra RESUME=$(RESUME)

boot-clean: ## end and remove what `make boot` left
	go -C test/boot build -o $(CURDIR)/bin/bootlab .
	bin/bootlab -tree . -name $(LAB) -clean

golden: ## write the goldens anew, and wrap the prose of all pages; read the difference before you commit it
	go test ./pkg/profile ./pkg/plan ./pkg/compile ./pkg/report -run 'Golden' -update
	go test ./pkg/topology -run 'Reference|Page|Templates' -update
	go test ./pkg/doctor -run Page -update
	go test ./cmd/kubespore -run TestResultSchemas -update
	go test ./test/docs -run TestWidth -update

# same: what a change that only moves code is judged by.
BASE ?= HEAD
same: ## build every topology with the revision BASE (HEAD) and with the working tree; no document may differ
	go run ./test/same -base $(BASE)

fuzz: ## look for input that breaks the parsers, FUZZTIME (1m) for each, and every hostile text in every free text
	for target in topology/FuzzParse profile/FuzzLoad emit/FuzzRoundTrip pki/FuzzDNSName; do \
	  go test ./pkg/$${target%/*} -run '^$$' -fuzz "^$${target#*/}$$" -fuzztime $(FUZZTIME); \
	done
	go test -tags oracle ./pkg/compile -run TestQuoting -v

lint: ## gofmt, vet, staticcheck, shellcheck, govulncheck
	test/scripts/lint

versions: ## raise profiles/versions.yaml to what the Go module proxy has; see docs/versions.md
	go run ./test/versions

fmt: ## format the Go code
	gofmt -w cmd pkg test release profiles/*.go

clean: ## remove what builds leave in this folder
	rm -rf bin out dist coverage.out

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
