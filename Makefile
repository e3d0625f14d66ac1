# The door to the project: `make help` lists everything.
SHELL := /bin/bash
.DEFAULT_GOAL := help
LVM ?= simulated
N ?= 3000
INSTALLED := node_modules/.package-lock.json

help: ## List every target
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-16s %s\n", $$1, $$2 }'

# The document of `make demo JSON=1` is alone on standard output: make says nothing, and what else runs speaks on standard error.
ifdef JSON
.SILENT:
MAKEFLAGS += --no-print-directory
endif

$(INSTALLED): package.json package-lock.json .npmrc
	npm ci --no-audit --no-fund --loglevel=error >&2
	@touch $@

install: $(INSTALLED) ## Install the packages (brings Node 24 too)

build: $(INSTALLED) ## Build the three programs into dist/
	npm run --silent build >&2

image: build ## Build the container image into dist/: an OCI archive and its bill of materials, without an engine or a registry (as root; ARCH=arm64; FRESH=1 takes Debian's packages of today)
	tools/image/archive.sh $(ARCH)

demo: build ## Run the whole job on simulated nodes, no cluster needed (LVM=real: loop devices and real lvm2, as root; JSON=1: one document)
	bin/open-local sandbox --lvm $(LVM) $(if $(JSON),--json)

test-all: ## Run everything that can be tested, and say at the end what passed, failed and was left out
	.ci/all

test: build ## Run rings 1 to 3 as far as this machine allows, and say what was left out
	npm run --silent test

check: $(INSTALLED) ## Types, lint, format and generated code
	npm run --silent types
	npm run --silent lint
	npm run --silent format:check

fuzz: $(INSTALLED) ## Random histories against the ledger (N=1000000 for the long one, SEED=… to repeat one)
	npm run --silent node -- test/fuzz/run.ts $(N) $(SEED)

mutants: build ## Plant faults, and tell which of them the folder's tests do not find (FOLDER=src/capacity/books; WIDE=1: by all tests; SAMPLE=100 SEED=…: in so many parts of it alone; minutes to hours)
	npm run --silent node -- test/mutants/run.ts $(if $(WIDE),--wide) $(if $(SAMPLE),--sample=$(SAMPLE)) $(if $(SEED),--seed=$(SEED)) $(FOLDER)

fuzz-wire: $(INSTALLED) ## 100,000 mutated bodies through both readers of the extender's wire (SEED=… to repeat)
	npm run --silent node -- bench/fuzz-wire.ts 100000 $(SEED)

bench: build ## Benchmarks of the extender and the ledger: tables, JSON, chart
	npm run --silent node -- bench/run.ts

control-plane: ## Build the real control plane from Go modules into the cache (9 minutes cold)
	test/control-plane/build.sh

test-image: build ## The image, unpacked and run (as root; COLD=1: also built twice from nothing, and as docker build does it)
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/image/vitest.image.config.ts $(if $(COLD),,test/image/image.image.ts)

cluster-up: $(INSTALLED) ## Start a real control plane with open-local and three simulated nodes, for an hour (as root)
	npm run --silent node -- test/control-plane/cli.ts up

cluster-down: ## End it
	npm run --silent node -- test/control-plane/cli.ts down

test-cluster: $(INSTALLED) ## Ring 4: all of it under the real control plane, sidecars and kube-scheduler (as root; Go builds them first)
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/control-plane/vitest.cluster.config.ts

test-csi: $(INSTALLED) ## The official csi-sanity against the operator and an agent, on the real API server; counts what is skipped (part of ring 4)
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/control-plane/vitest.cluster.config.ts test/control-plane/sanity.cluster.ts

deploy: $(INSTALLED) ## Make the kustomize base in deploy/ of the chart in deploy/helm (Go builds helm first)
	npm run --silent node -- test/deploy/render.ts

test-chart: $(INSTALLED) ## The chart: helm lint, eight files of values, bad values, equality with kustomize, alerts by promtool, dashboards by Prometheus (Go builds helm first)
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/deploy/vitest.deploy.config.ts test/deploy/chart.deploy.ts test/deploy/alerts.deploy.ts test/deploy/dashboards.deploy.ts

test-deploy: $(INSTALLED) ## The chart, and what it makes before Kubernetes 1.30 to 1.37, by kubeconform
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/deploy/vitest.deploy.config.ts

node-up: $(INSTALLED) ## Start a virtual machine with real disks, for an hour (KVM=1 where the kernel has it)
	npm run --silent node -- test/node/cli.ts up

node-shell: ## A shell on it
	npm run --silent node -- test/node/cli.ts shell

node-down: ## Turn it off
	npm run --silent node -- test/node/cli.ts down

test-node: build ## Ring 5: the agent on a real kernel with real disks, in a virtual machine
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/node/vitest.node.config.ts

test-ui: build ## The page in Debian's chromium: keyboard, axe-core, light and dark (PICTURES=FOLDER keeps what it saw; installs chromium as root)
	tools/install-packages.sh chromium
	cd test/ui && npm ci --silent --no-audit --no-fund
	npm run --silent node -- node_modules/vitest/vitest.mjs run --config test/ui/vitest.ui.config.ts

bench-scale: $(INSTALLED) ## What open-local costs a real API server with up to 5,000 nodes, 50,000 volumes, 100,000 pods (as root; QUICK=1 for small sizes)
	npm run --silent node -- bench/cluster/scale.ts $(if $(QUICK),--quick)

bench-page: build ## How fast the page is in Debian's chromium, with 5,000 nodes and 50,000 volumes (QUICK=1 for a tenth)
	tools/install-packages.sh chromium
	cd test/ui && npm ci --silent --no-audit --no-fund
	npm run --silent node -- test/ui/bench.ts $(if $(QUICK),--quick)

bench-node: build ## What the agent costs on a real kernel, and how well limits of IO hold (VOLUMES='0 100 500')
	npm run --silent node -- test/node/bench.ts $(VOLUMES)

bench-snapshots: build ## Snapshots and copies on a real kernel, beside lvcreate and dd by hand (ROUNDS=5)
	npm run --silent node -- test/node/bench-snapshots.ts $(ROUNDS)

bench-cluster: $(INSTALLED) ## What open-local costs a real control plane: pods a second, time of a claim, API requests (as root; QUICK=1 for less)
	npm run --silent node -- bench/cluster/run.ts $(if $(QUICK),--quick)

clean: ## Remove what was built
	rm -rf dist coverage

.PHONY: help install build image test-image demo test-all test check fuzz mutants fuzz-wire bench control-plane deploy test-chart test-deploy cluster-up cluster-down test-cluster test-csi node-up node-shell node-down test-node test-ui bench-node bench-snapshots bench-cluster bench-page bench-scale clean
