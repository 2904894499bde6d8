# nhctl: build, test and try everything. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
# The sync engine without what nhctl never uses: web interface assets, QUIC, self-upgrade.
TAGS := noassets,noquic,noupgrade
RELEASE := v0.1.0
# Between releases the sources name the version, so that a rebuilt nhctl replaces a running daemon.
SOURCES := $(shell find nhctl sidecar schema -type f -not -name '*_test.go' -not -name '*.md' -not -path 'nhctl/test/*' 2>/dev/null | LC_ALL=C sort) go.mod go.sum
VERSION ?= $(RELEASE)+$(shell cat $(SOURCES) | sha256sum | cut -c1-12)
BUILDINFO := github.com/nhctl/nhctl/sidecar/buildinfo
GO_BUILD := env TAGS=$(TAGS) hack/gobuild.sh
REGISTRY ?= ghcr.io/nhctl
PLAYGROUND ?= default
ALL_IMAGES := $(basename $(notdir $(wildcard devimages/definitions/*.yaml)))
# All but those that scenarios alone need; IMAGES=all has these too.
IMAGES ?= $(filter-out test-%,$(ALL_IMAGES))
CHOSEN = $(if $(filter all,$(IMAGES)),$(ALL_IMAGES),$(IMAGES))
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The sidecar comes first: its content is the tag of its image, which nhctl is told at build time. So both ends always match.
.PHONY: build
build: bin/nhctl ## build bin/nhctl and bin/sidecar

bin/sidecar: FORCE
	@mkdir -p bin
	@echo "building bin/sidecar and bin/nhctl (about 3 minutes the first time)"
	@hack/step.sh "compile the sidecar" $(GO_BUILD) bin/sidecar ./sidecar "-X $(BUILDINFO).Version=$(VERSION)"
	@echo "$(REGISTRY)/sidecar:$(RELEASE)-$$(sha256sum bin/sidecar | cut -c1-12)" > bin/sidecar.ref

bin/nhctl: bin/sidecar
	@hack/step.sh "compile nhctl" $(GO_BUILD) bin/nhctl ./nhctl "-X $(BUILDINFO).Version=$(VERSION) -X $(BUILDINFO).SidecarImage=$$(cat bin/sidecar.ref)"

.PHONY: check
check: ## formatting, vet, staticcheck, tidy modules, generated files, every platform, fuzz targets
	@hack/check.sh "$(TAGS)" $(PLATFORMS)

.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities in what nhctl and the sidecar call (asks vuln.go.dev)
	@go tool -modfile=hack/release/go.mod govulncheck -tags $(TAGS) ./nhctl ./sidecar

.PHONY: test
test: ## run every test, those on a playground of their own included
	@hack/test.sh "$(TAGS)"

CHAOS ?= 10m
.PHONY: chaos
chaos: ## edit both sides of a sync at random while streams, engines and pods die, then on real pods (CHAOS=10m; NHCTL_CHAOS_SEED repeats one)
	@NHCTL_CHAOS=$(CHAOS) LOGGER_DISCARD=1 go test -tags $(TAGS) -count=1 -timeout 0 -run TestChaos -v ./sidecar/filesync
	@NHCTL_CHAOS=$(CHAOS) NHCTL_TEST_RUN='^TestSyncChaos$$' $(MAKE) --no-print-directory test

.PHONY: faults
faults: ## fail at and after every step of dev mode, for every kind and mode, and print the table (about an hour; NHCTL_FAULTS_KINDS="job pod" chooses)
	@NHCTL_FAULTS=all NHCTL_FAULTS_OUT=$(CURDIR)/bin/faults.md NHCTL_TEST_TIMEOUT=4h NHCTL_TEST_RUN='^TestFaults$$' hack/test.sh "$(TAGS)"

.PHONY: bench
bench: ## measure speed and memory against baselines, on a playground of its own (BENCH=save chooses)
	@hack/bench.sh "$(TAGS)"

# The packages of the system come first, once, and before all that runs at the same time.
.PHONY: packages
packages:
	@hack/step.sh "install Debian packages" hack/packages.sh $(PARTS)

OUR_SIDECAR = --sidecar-binary bin/sidecar --sidecar-ref "$$(cat bin/sidecar.ref)"

bin/devimages: FORCE
	@mkdir -p bin
	@$(GO_BUILD) bin/devimages ./devimages

# All but the sidecar's image need no program of this build, so that they are downloaded and unpacked while it is compiled.
OTHER_IMAGES = $(filter-out sidecar,$(CHOSEN))
.PHONY: other-images
other-images: bin/devimages
	@$(if $(OTHER_IMAGES),hack/step.sh "make images" bin/devimages build --out bin/images $(OTHER_IMAGES))

.PHONY: images
images: PARTS = $(if $(OTHER_IMAGES),images) $(if $(filter %-node,$(CHOSEN)),node) $(TEST_PARTS)
images: packages ## build the sidecar, dev and demo images into bin/images, without Docker (IMAGES="sidecar dev-go" chooses)
	@$(MAKE) --no-print-directory -j2 images-built IMAGES="$(CHOSEN)"

.PHONY: images-built
images-built: other-images build bin/devimages
	@$(if $(filter sidecar,$(CHOSEN)),bin/devimages build --out bin/images $(OUR_SIDECAR) sidecar)

.PHONY: images-table
images-table: images ## write what the dev images have, and their sizes, into nhctl/docs/images.md
	@bin/devimages table nhctl/docs/images.md

.PHONY: push
push: images ## push the images to REGISTRY
	@bin/devimages push $(OUR_SIDECAR) --registry $(REGISTRY) $(CHOSEN)

bin/playground: FORCE
	@hack/step.sh "compile Kubernetes, containerd" examples/playground/build.sh bin

# Images and playground at the same time: one waits for downloads where the other compiles.
.PHONY: setup
setup: PARTS = images playground $(if $(filter %-node,$(CHOSEN)),node) $(TEST_PARTS)
setup: packages
	@$(MAKE) --no-print-directory -j3 images-built bin/playground IMAGES="$(CHOSEN)"

.PHONY: playground
playground: setup ## start a one-node Kubernetes and load the images
	@bin/playground up --name $(PLAYGROUND)
	@bin/playground load --name $(PLAYGROUND) bin/images/*.tar

.PHONY: playground-down
playground-down: bin/playground ## remove the playground and every trace of it
	@bin/playground down --name $(PLAYGROUND)

.PHONY: demo
demo: IMAGES := sidecar dev-go bookshop-catalog
demo: ## from nothing to a running change: dev mode on a real application
	@rm -f bin/steps
	@$(MAKE) --no-print-directory setup bin/demo IMAGES="$(IMAGES)"
	@hack/step.sh "start the playground" bin/playground up --name $(PLAYGROUND)
	@hack/step.sh "load the images" bin/playground load --name $(PLAYGROUND) $(IMAGES:%=bin/images/%.tar)
	@hack/step.sh "the demo" bin/demo --playground $(PLAYGROUND)
	@hack/step.sh --table

bin/demo: FORCE
	@mkdir -p bin
	@$(GO_BUILD) bin/demo ./examples/demo

.PHONY: demo-down
demo-down: bin/playground bin/demo ## remove the demo: its sessions, playground, copied sources
	@bin/demo --playground $(PLAYGROUND) --down
	@bin/playground down --name $(PLAYGROUND)

.PHONY: generate
generate: ## write the schemas and the reference documentation
	@go generate ./...

.PHONY: cross
cross: ## compile nhctl for every platform and the sidecar for both architectures
	@mkdir -p dist
	@for p in $(PLATFORMS); do \
	  ext=; [[ $$p == windows/* ]] && ext=.exe; \
	  echo "nhctl $$p"; \
	  GOOS=$${p%/*} GOARCH=$${p#*/} $(GO_BUILD) dist/nhctl-$${p%/*}-$${p#*/}$$ext ./nhctl "-X $(BUILDINFO).Version=$(VERSION)"; \
	done
	@for a in amd64 arm64; do echo "sidecar linux/$$a"; \
	  GOOS=linux GOARCH=$$a $(GO_BUILD) dist/sidecar-linux-$$a ./sidecar "-X $(BUILDINFO).Version=$(VERSION)"; done

# A release's programs have its version, and no hash of sources.
.PHONY: release
release: ## make dist/release: archives, packages, manifests, notices and hashes, the same bytes for the same commit
	@$(MAKE) --no-print-directory cross VERSION=$(RELEASE)
	@hack/release.sh "$(TAGS)" "$(RELEASE)" $(PLATFORMS)

.PHONY: clean
clean: ## remove what was built (caches outside the repository stay)
	@rm -rf bin dist

.PHONY: FORCE
FORCE:
