# nhctl: build, test and try everything. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
# The sync engine without what nhctl never uses: web interface assets, QUIC, self-upgrade.
TAGS := noassets,noquic,noupgrade
RELEASE := v0.1.0
# Between releases the sources name the version, so that a rebuilt nhctl replaces a running daemon.
# The sidecar's version is one of its own sources, so that a change of nhctl alone does not make another sidecar.
hash_of = $(shell find $(1) -type f -not -name '*_test.go' -not -name '*.md' -not -name '*.zst' -not -path 'nhctl/test/*' 2>/dev/null \
  | LC_ALL=C sort | xargs cat go.mod go.sum | hack/sha256.sh | cut -c1-12)
VERSION ?= $(RELEASE)+$(call hash_of,nhctl sidecar schema)
SIDECAR_HASH := $(call hash_of,sidecar)
SIDECAR_VERSION := $(if $(findstring +,$(VERSION)),$(RELEASE)+$(SIDECAR_HASH),$(VERSION))
BUILDINFO := github.com/nhctl/nhctl/sidecar/buildinfo
GO_BUILD := env TAGS=$(TAGS) hack/gobuild.sh
REGISTRY ?= ghcr.io/nhctl
PLAYGROUND ?= default
# The minor version of Kubernetes that the playground is built for and started with, such as 1.37, or else the default.
KUBERNETES ?=
ALL_IMAGES := $(basename $(notdir $(wildcard devimages/definitions/*.yaml)))
# All but those that scenarios alone need; IMAGES=all has these too.
IMAGES ?= $(filter-out test-%,$(ALL_IMAGES))
CHOSEN = $(if $(filter all,$(IMAGES)),$(ALL_IMAGES),$(IMAGES))
# Those with Debian's packages: making them for another architecture needs QEMU.
DEBIAN_IMAGES = $(filter $(CHOSEN),$(basename $(notdir $(shell grep -l 'debian:' devimages/definitions/*.yaml))))
# What images are pushed for, such as linux/amd64; empty means all that they can be made for.
IMAGE_PLATFORMS ?=
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Stamps of nhctl. It knows the name of its sidecar's image, and whether a registry may have it: that of a release, or one that REGISTRY names.
PUBLISHED := $(if $(findstring +,$(VERSION)),$(filter-out file,$(origin REGISTRY)),release)
STAMPS = -X $(BUILDINFO).version=$(VERSION) -X $(BUILDINFO).Sidecar=$(SIDECAR_VERSION) -X $(BUILDINFO).SidecarReference=$$(cat bin/sidecar.ref) $(if $(PUBLISHED),-X $(BUILDINFO).SidecarImage=$$(cat bin/sidecar.ref))
EXE := $(if $(filter Windows_NT,$(OS)),.exe)

# The sidecar comes first: nhctl embeds it, so that both ends always match. Its content is the tag of its image.
.PHONY: build
build: sidecars ## build bin/nhctl, which carries the sidecar, and bin/sidecar-linux-*
	@hack/step.sh "compile nhctl" $(GO_BUILD) bin/nhctl$(EXE) ./nhctl "$(STAMPS)"

.PHONY: sidecars
sidecars:
	@hack/step.sh "compile the sidecar" env TAGS=$(TAGS) hack/sidecars.sh $(SIDECAR_HASH) $(SIDECAR_VERSION) $(BUILDINFO) $(REGISTRY)/sidecar:$(RELEASE)

.PHONY: check
check: ## formatting, vet, staticcheck, tidy modules, generated files, every platform, fuzz targets
	@hack/check.sh "$(TAGS)" $(PLATFORMS)

.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities in what nhctl and the sidecar call (asks vuln.go.dev)
	@go tool -modfile=hack/release/go.mod govulncheck -tags $(TAGS) ./nhctl ./sidecar

.PHONY: test
test: ## run every test, those on a playground of their own included (KUBERNETES=1.37 chooses its version)
	@hack/test.sh "$(TAGS)"

.PHONY: test-kubernetes
test-kubernetes: ## run the core set of scenarios on newer versions of Kubernetes (KUBERNETES=1.37 chooses)
	@hack/test-kubernetes.sh "$(TAGS)" $(KUBERNETES)

CHAOS ?= 10m
.PHONY: chaos
chaos: ## edit both sides of a sync at random while streams, engines and pods die, then on real pods (CHAOS=10m; NHCTL_CHAOS_SEED repeats one)
	@source hack/flags.sh; NHCTL_CHAOS=$(CHAOS) LOGGER_DISCARD=1 go test $$GO_BUILD_FLAGS -tags $(TAGS) -count=1 -timeout 0 -run TestChaos -v ./sidecar/filesync
	@NHCTL_CHAOS=$(CHAOS) NHCTL_TEST_RUN='^TestSyncChaos$$' $(MAKE) --no-print-directory test

.PHONY: faults
faults: ## fail at and after every step of dev mode, for every kind and mode, and print the table (about an hour; NHCTL_FAULTS_KINDS="job pod" chooses)
	@NHCTL_FAULTS=all NHCTL_FAULTS_OUT=$(CURDIR)/bin/faults.md NHCTL_TEST_TIMEOUT=4h NHCTL_TEST_RUN='^TestFaults$$' hack/test.sh "$(TAGS)"

RECORDING := bin/first-dev-mode.cast
.PHONY: recording
recording: ## record the README's first dev mode on a playground of its own, and draw nhctl/docs/first-dev-mode.svg
	@NHCTL_TEST_RECORDING=$(CURDIR)/$(RECORDING) NHCTL_TEST_RUN='^TestFirstDevMode$$' hack/test.sh "$(TAGS)"
	@go run ./hack/recording $(RECORDING) nhctl/docs/first-dev-mode.svg

.PHONY: bench
bench: ## measure speed and memory against baselines, on a playground of its own (BENCH=save chooses)
	@hack/bench.sh "$(TAGS)"

# The packages of the system come first, once, and before all that runs at the same time.
.PHONY: packages
packages:
	@hack/step.sh "install Debian packages" hack/packages.sh $(PARTS)

OUR_SIDECAR = --sidecars bin --sidecar-ref "$$(cat bin/sidecar.ref)"
HOST_PLATFORM = linux/$(shell go env GOHOSTARCH)
NODE_PARTS = $(if $(filter %-node,$(CHOSEN)),node)
DEBIAN_PARTS = $(if $(DEBIAN_IMAGES),images $(if $(filter-out 0,$(shell id -u)),rootless))
FOREIGN_PARTS = $(if $(DEBIAN_IMAGES),$(if $(IMAGE_PLATFORMS),$(if $(filter-out $(HOST_PLATFORM),$(IMAGE_PLATFORMS)),foreign),foreign))

bin/devimages: FORCE
	@mkdir -p bin
	@$(GO_BUILD) bin/devimages ./devimages

# All but the sidecar's image need no program of this build, so that they are downloaded and unpacked while it is compiled.
OTHER_IMAGES = $(filter-out sidecar,$(CHOSEN))
.PHONY: other-images
other-images: bin/devimages
	@$(if $(OTHER_IMAGES),hack/step.sh "make images" bin/devimages build --out bin/images $(OTHER_IMAGES))

.PHONY: images
images: PARTS = $(DEBIAN_PARTS) $(NODE_PARTS) $(TEST_PARTS)
images: packages ## build the sidecar, dev and demo images into bin/images, without Docker (IMAGES="sidecar dev-go" chooses)
	@$(MAKE) --no-print-directory -j2 images-built IMAGES="$(CHOSEN)"

.PHONY: images-built
images-built: other-images build bin/devimages
	@$(if $(filter sidecar,$(CHOSEN)),bin/devimages build --out bin/images $(OUR_SIDECAR) sidecar)

.PHONY: images-table
images-table: images ## write what the dev images have, and their sizes, into nhctl/docs/images.md
	@bin/devimages table nhctl/docs/images.md

.PHONY: push
push: PARTS = $(DEBIAN_PARTS) $(FOREIGN_PARTS) $(NODE_PARTS)
push: packages ## push the images to REGISTRY, for amd64 and arm64 (IMAGES, IMAGE_PLATFORMS=linux/amd64 choose)
	@$(MAKE) --no-print-directory -j2 build bin/devimages
	@bin/devimages push $(OUR_SIDECAR) --registry $(REGISTRY) $(IMAGE_PLATFORMS:%=--platform %) $(CHOSEN)

bin/playground: FORCE
	@hack/step.sh "compile Kubernetes, containerd" examples/playground/build.sh bin $(KUBERNETES)

# Images and playground at the same time: one waits for downloads where the other compiles.
.PHONY: setup
setup: PARTS = images playground $(NODE_PARTS) $(TEST_PARTS)
setup: packages
	@$(MAKE) --no-print-directory -j3 images-built bin/playground IMAGES="$(CHOSEN)"

.PHONY: playground
playground: setup ## start a one-node Kubernetes and load the images (KUBERNETES=1.37 chooses the version)
	@bin/playground up --name $(PLAYGROUND) $(KUBERNETES:%=--kubernetes %)
	@bin/playground load --name $(PLAYGROUND) bin/images/*.tar

# Nothing is built to take down what another version has started.
PLAYGROUND_AS_IT_IS = $(if $(wildcard bin/playground),,bin/playground)
.PHONY: playground-down
playground-down: $(PLAYGROUND_AS_IT_IS) ## remove the playground and every trace of it
	@bin/playground down --name $(PLAYGROUND)

.PHONY: demo
demo: IMAGES := sidecar dev-go bookshop-catalog
demo: ## from nothing to a running change: dev mode on a real application
	@rm -f bin/steps
	@$(MAKE) --no-print-directory setup bin/demo IMAGES="$(IMAGES)"
	@hack/step.sh "start the playground" bin/playground up --name $(PLAYGROUND) $(KUBERNETES:%=--kubernetes %)
	@hack/step.sh "load the images" bin/playground load --name $(PLAYGROUND) $(IMAGES:%=bin/images/%.tar)
	@hack/step.sh "the demo" bin/demo --playground $(PLAYGROUND)
	@hack/step.sh --table

bin/demo: FORCE
	@mkdir -p bin
	@$(GO_BUILD) bin/demo ./examples/demo

.PHONY: demo-down
demo-down: $(PLAYGROUND_AS_IT_IS) bin/demo ## remove the demo: its sessions, playground, copied sources
	@bin/demo --playground $(PLAYGROUND) --down
	@bin/playground down --name $(PLAYGROUND)

.PHONY: vscode
vscode: PARTS = node
vscode: packages ## check the VS Code extension, run its unit tests, and pack it into bin/nhctl.vsix
	@mkdir -p bin
	@hack/step.sh "the VS Code extension" hack/vscode.sh bin/nhctl.vsix

.PHONY: vscode-platforms
vscode-platforms: PARTS = node
vscode-platforms: packages cross ## pack the VS Code extension with nhctl inside, once per platform, into dist/vscode (PLATFORMS=linux/amd64 chooses)
	@$(MAKE) --no-print-directory vscode
	@hack/step.sh "the extension per platform" hack/vscode-platforms.sh dist/vscode $(PLATFORMS)

.PHONY: test-vscode
test-vscode: PARTS = node vscode
test-vscode: packages ## the same, and test the extension in a real VS Code
	@mkdir -p bin
	@hack/step.sh "the VS Code extension" hack/vscode.sh bin/nhctl.vsix look

.PHONY: generate
generate: ## write the schemas and the reference documentation
	@source hack/flags.sh; GOFLAGS="$${GOFLAGS:-} $$GO_BUILD_FLAGS" go generate -tags $(TAGS) ./...

.PHONY: cross
cross: sidecars ## compile nhctl for every platform, with the sidecar for both architectures in each
	@mkdir -p dist
	@for p in $(PLATFORMS); do \
	  ext=; [[ $$p == windows/* ]] && ext=.exe; \
	  echo "nhctl $$p"; \
	  GOOS=$${p%/*} GOARCH=$${p#*/} $(GO_BUILD) dist/nhctl-$${p%/*}-$${p#*/}$$ext ./nhctl "$(STAMPS)"; \
	done
	@cp bin/sidecar-linux-amd64 bin/sidecar-linux-arm64 dist/

# A release's programs have its version, and no hash of sources.
.PHONY: release
release: ## make dist/release: archives, packages, manifests, notices and hashes, the same bytes for the same commit
	@$(MAKE) --no-print-directory cross VERSION=$(RELEASE)
	@hack/release.sh "$(TAGS)" "$(RELEASE)" $(PLATFORMS)

.PHONY: release-check
release-check: ## make the release twice, from nothing and apart, and compare the bytes (PLATFORMS=linux/amd64 makes it faster)
	@hack/release-check.sh $(PLATFORMS)

.PHONY: clean
clean: ## remove what was built (caches outside the repository stay)
	@rm -rf bin dist nhctl/internal/sidecarbinary/embedded/*.zst

.PHONY: FORCE
FORCE:
