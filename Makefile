# SPDX-License-Identifier: Apache-2.0

GO ?= go
CLANG ?= clang-19
# Time for each fuzz target of "make fuzz".
FUZZTIME ?= 30s

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# NVML's header marks functions that old drivers still need.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

LDFLAGS := -X github.com/prometheus/common/version.Version=$(VERSION)

.PHONY: all build demo check test lint portable unit manifests kernels test-kernels test-arm64 release cross
.PHONY: generate generate-check clang bench fuzz overhead accuracy e2e-setup screenshots docs
.PHONY: dashboards dashboards-check test-containers vulnerabilities tools units e2e test-hostile alone race

all: build

build: ## the program, as ./modeltap
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o modeltap ./cmd/modeltap

demo: build ## observe a small model server that comes with it
	./modeltap demo

check: build ## what this host offers
	./modeltap check

# Every check that a change must pass. Tests that attach to the kernel run as
# root and skip with a reason otherwise. Most of them wait for something else than
# a processor: they run beside each other, each told when it has ended. What loads
# the machine or counts what the kernel lets through comes last, and alone.
AT_ONCE ?= 3
BESIDE := $(MAKE) --no-print-directory -j $(AT_ONCE) --output-sync=target
test:
	@$(BESIDE) tools portable lint vulnerabilities
	@$(BESIDE) e2e units test-containers kernels dashboards-check rules-check generate-check manifests
	@$(MAKE) --no-print-directory alone race

# The linters, pinned in a module of their own, which modeltap does not depend on.
TOOL := $(GO) tool -modfile=.ci/tools/go.mod

# What the checks need of the distribution, one after another: apt allows no two.
tools:
	@$(MAKE) --no-print-directory e2e-setup
	@$(MAKE) --no-print-directory clang
	@$(MAKE) --no-print-directory cross
	@observer/e2e/kernels/fetch.sh .cache/kernels/amd64 amd64

# The parsers promise to build anywhere, the program to build without cgo.
PARSERS := budget event tcp http1 sse ndjson jsonscan tokens llm meter identity servers stream record
portable:
	CGO_ENABLED=0 $(GO) build -trimpath ./...
	CGO_ENABLED=0 GOARCH=arm64 $(GO) build -trimpath ./...
	GOOS=darwin $(GO) build $(addprefix ./observer/,$(PARSERS))

unit: units e2e alone ## the tests of this module

# Packages whose tests count losses, or look at all that the host has.
ALONE := /modeltap/(bpf|observer/source|observer/discover)(/|$$)
E2E := ./observer/e2e
units:
	$(GO) build ./...
	$(GO) test -count=1 -p 2 -timeout 20m $$($(GO) list ./... | grep -Ev '$(ALONE)|/observer/e2e$$')

# Each in a sandbox, several at a time.
e2e: e2e-setup
	$(GO) test -count=1 -timeout 20m -skip '^TestLoad' $(E2E)

# The same on a host with strangers on well-known ports, another modeltap and busy loops.
test-hostile: e2e-setup
	$(GO) run ./observer/e2e/hostile -loops 2 $(GO) test -count=1 -timeout 20m -skip '^TestLoad' $(E2E) ./cmd/modeltap ./exporter/web/e2e

alone:
	$(GO) test -count=1 -p 1 -timeout 10m $$($(GO) list ./... | grep -E '$(ALONE)')
	$(GO) test -count=1 -timeout 10m -run '^TestLoad' $(E2E)

# What runs side by side, with the race detector: of the observer all but the
# tests that drive whole daemons.
race:
	$(GO) test -race -count=1 -p 1 -timeout 10m $$($(GO) list ./observer/... | grep -v /e2e)

# The manifests, against Helm and the types of the Kubernetes API: a module of
# its own, which modeltap does not depend on.
manifests:
	cd deploy/kubernetes/check && $(GO) vet ./... && $(GO) test -count=1 ./...

dashboards: ## the Grafana dashboards, which are committed
	cd dashboards/gen && $(GO) generate ./...

# The dashboards, against their source and in real Prometheus and VictoriaMetrics
# servers: modules of their own. As root, they scrape a real modeltap.
dashboards-check:
	cd dashboards/gen && $(GO) vet ./... && $(GO) test -count=1 ./...
	cd dashboards/check && $(GO) vet ./... && $(GO) test -count=1 ./...

# Recording rules and alerts, from dashboards/rules/source and parameters.yml.
.PHONY: rules rules-check rules-mutants
rules: ## the rule files, the chart's copy and the tables of docs/alerts.md, which are committed
	cd dashboards/rules && $(GO) test -count=1 -run TestNothingIsCopiedByHand . -update

# The rules and what is deployed with them, in Debian's Prometheus, Alertmanager
# and VictoriaMetrics, which are unpacked and not installed.
rules-check:
	cd dashboards/rules && $(GO) vet ./... && $(GO) test -count=1 -timeout 10m ./...
	cd deploy/compose/check && $(GO) vet ./... && $(GO) test -count=1 ./...

# The same with the recording rules broken too, one by one: minutes.
rules-mutants:
	cd dashboards/rules && MODELTAP_ALL_MUTANTS=1 $(GO) test -count=1 -timeout 30m -v -run TestBrokenRulesAreNoticed .

# Pods of containerd and containers of Docker, from Debian's packages, and prints
# what was proved in them; root. A module of its own.
test-containers:
	cd observer/e2e/containers && $(GO) vet ./... && { $(GO) test -count=1 -parallel 5 -timeout 8m -v . 2>&1; echo "ended $$?"; } \
		| awk '/^ended/ {exit $$2} !/^ *(===|--- PASS)|^PASS/'

# Boots Debian's kernels under qemu and prints what works on each; docs/compatibility.md.
SUITES ?= bullseye bookworm trixie trixie-backports
test-kernels:
	observer/e2e/kernels/fetch.sh .cache/kernels/amd64 amd64 $(SUITES)
	$(GO) run ./observer/e2e/kernels -limit 6m -at-once 2 $(addprefix .cache/kernels/amd64/,$(SUITES))

# The oldest and the newest of them: a minute, with what it downloads.
kernels:
	$(MAKE) test-kernels SUITES="bullseye trixie-backports"

# The same for arm64, and the program under the emulation of a process.
test-arm64:
	observer/e2e/kernels/arm64.sh
	observer/e2e/kernels/fetch.sh .cache/kernels/arm64 arm64 $(SUITES)
	$(GO) run ./observer/e2e/kernels -arch arm64 -limit 6m -at-once 2 $(addprefix .cache/kernels/arm64/,$(SUITES))

# What a release publishes: binaries, packages, SBOM and checksums for amd64 and arm64.
DIST ?= .cache/release
release: cross
	deploy/packages/release.sh $(DIST) $(VERSION)

# The C compiler of the other architecture.
CROSS := $(if $(filter arm64,$(shell $(GO) env GOHOSTARCH)),x86-64,aarch64)
cross:
	@command -v $(subst -,_,$(CROSS))-linux-gnu-gcc >/dev/null || { \
		echo "installing gcc-$(CROSS)-linux-gnu"; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends gcc-$(CROSS)-linux-gnu libc6-dev-$(if $(filter aarch64,$(CROSS)),arm64,amd64)-cross; } || { \
		echo "a C compiler is missing: install gcc-$(CROSS)-linux-gnu"; exit 1; }

lint:
	@unformatted=$$(gofmt -l bpf cmd dashboards deploy exporter gpu observer); if [ -n "$$unformatted" ]; then \
		echo "not formatted, run gofmt -w: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(TOOL) golangci-lint run

# Known vulnerabilities in what is called. Without its database nothing is known:
# that is said, and is no failure of ours.
vulnerabilities:
	@out=$$($(TOOL) govulncheck ./... 2>&1) && { echo "$$out"; exit 0; }; code=$$?; echo "$$out"; \
	case "$$code $$out" in "3 "*) exit 1;; *"fetching vulnerabilities:"*) \
		echo "NOT CHECKED for known vulnerabilities: the database cannot be reached";; *) exit 1;; esac

generate: clang ## the BPF objects, which are committed
	$(GO) generate ./bpf/...

# In a copy, since other checks read the objects meanwhile.
generate-check: clang
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && cp -r go.mod go.sum bpf "$$copy" && (cd "$$copy" && $(GO) generate ./bpf/...) && diff -r bpf "$$copy/bpf" || { \
		echo "the committed BPF objects do not match their sources: commit what make generate makes"; exit 1; }

clang:
	@command -v $(CLANG) >/dev/null && command -v llvm-strip-19 >/dev/null && [ -e /usr/include/linux/bpf.h ] || { \
		echo "installing clang 19"; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends clang-19 llvm-19 linux-libc-dev; } || { \
		echo "clang 19 is missing: install clang-19, llvm-19 and linux-libc-dev"; exit 1; }

e2e-setup: ## the model servers and clients of the end-to-end tests
	bash observer/e2e/setup.sh
	exporter/web/e2e/setup.sh

bench:
	$(GO) test -run '^$$' -bench . -benchmem -p 1 ./...

# Every fuzz target of every package, one after another.
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -parallel 1 $$pkg; \
		done; \
	done

overhead: e2e-setup build ## what observing costs the observed server; needs root and a quiet machine
	$(GO) run ./observer/e2e/overhead

accuracy: ## modeltap beside llama-server, vLLM, LiteLLM, Gradio and aiperf; needs root, installs for 12 minutes once
	$(GO) run ./observer/e2e/accuracy

screenshots: build ## docs/images, from the live page of the demo; needs root and takes 7 minutes
	exporter/web/e2e/setup.sh
	exporter/web/e2e/screenshots.sh ./modeltap docs/images

docs: ## the generated part of docs/configuration.md
	$(GO) test -count=1 ./cmd/modeltap -run TestConfigurationDocument -update
