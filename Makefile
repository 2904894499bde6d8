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
GO_BUILD := TAGS=$(TAGS) hack/gobuild.sh
REGISTRY ?= ghcr.io/nhctl
PLAYGROUND ?= default
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The sidecar comes first: its content is the tag of its image, which nhctl is told at build time. So both ends always match.
.PHONY: build
build: ## build bin/nhctl and bin/sidecar
	@mkdir -p bin
	@echo "building bin/sidecar and bin/nhctl (about 3 minutes the first time)"
	@$(GO_BUILD) bin/sidecar ./sidecar "-X $(BUILDINFO).Version=$(VERSION)"
	@echo "$(REGISTRY)/sidecar:$(RELEASE)-$$(sha256sum bin/sidecar | cut -c1-12)" > bin/sidecar.ref
	@$(GO_BUILD) bin/nhctl ./nhctl "-X $(BUILDINFO).Version=$(VERSION) -X $(BUILDINFO).SidecarImage=$$(cat bin/sidecar.ref)"

.PHONY: check
check: ## formatting, vet, staticcheck, tidy modules, generated files
	@hack/check.sh "$(TAGS)"

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

.PHONY: images
images: build ## build the sidecar, dev and demo images into bin/images, without Docker
	@$(GO_BUILD) bin/devimages ./devimages
	@bin/devimages build --out bin/images --sidecar-binary bin/sidecar --sidecar-ref "$$(cat bin/sidecar.ref)" $(IMAGES)

.PHONY: images-table
images-table: images ## write what the dev images have, and their sizes, into nhctl/docs/images.md
	@bin/devimages table nhctl/docs/images.md

.PHONY: push
push: images ## push the images to REGISTRY
	@bin/devimages push --registry $(REGISTRY)

bin/playground: FORCE
	@examples/playground/build.sh bin

.PHONY: playground
playground: bin/playground images ## start a one-node Kubernetes and load the images
	@bin/playground up --name $(PLAYGROUND)
	@bin/playground load --name $(PLAYGROUND) bin/images/*.tar

.PHONY: playground-down
playground-down: bin/playground ## remove the playground and every trace of it
	@bin/playground down --name $(PLAYGROUND)

.PHONY: demo
demo: IMAGES := sidecar dev-go bookshop-catalog bookshop-redis bookshop-reviews bookshop-storefront
demo: bin/playground images ## from nothing to a running change: dev mode on a real application
	@bin/playground up --name $(PLAYGROUND)
	@bin/playground load --name $(PLAYGROUND) $(IMAGES:%=bin/images/%.tar)
	@$(GO_BUILD) bin/demo ./examples/demo
	@bin/demo --playground $(PLAYGROUND)

.PHONY: demo-down
demo-down: bin/playground ## remove the demo: dev mode, playground, copied sources
	@$(GO_BUILD) bin/demo ./examples/demo
	@bin/demo --playground $(PLAYGROUND) --down
	@bin/playground down --name $(PLAYGROUND)

.PHONY: generate
generate: ## write schemas and reference documentation anew
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

.PHONY: clean
clean: ## remove what was built (caches outside the repository stay)
	@rm -rf bin dist

.PHONY: FORCE
FORCE:
