#!/usr/bin/env bash
# make check: everything that can be said of the sources without a cluster, a while of every fuzz target, and metrics.
# Usage: hack/check.sh TAGS PLATFORM...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
shift
failed=()
fail() { echo "check: $1" >&2; failed+=("$1"); }

unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
[[ -z $unformatted ]] || fail "not gofmt-ed (run gofmt -w): $unformatted"

hack/width.sh || fail "lines are longer than 120 columns: break them"

echo "check: go vet, staticcheck"
go vet $GO_BUILD_FLAGS -tags "$tags,e2e,bench" ./... || fail "go vet"
staticcheck=$(GOFLAGS="${GOFLAGS:-} $GO_BUILD_FLAGS" go tool -n staticcheck)
GOFLAGS="${GOFLAGS:-} $GO_BUILD_FLAGS" "$staticcheck" -tags "$tags,e2e,bench" ./... || fail "staticcheck"

(cd hack/release && GOFLAGS="${GOFLAGS:-} $GO_BUILD_FLAGS" && export GOFLAGS && go vet ./... && "$staticcheck" ./...) ||
  fail "hack/release: go vet or staticcheck"

echo "check: modules are tidy"
for dir in . devimages/files/viper examples/playground hack/release; do
  (cd "$dir" && go mod tidy -diff >/dev/null) || fail "$dir: go.mod is not tidy (run go mod tidy there)"
done

echo "check: generated files are up to date"
before=$(git ls-files -co --exclude-standard | LC_ALL=C sort | xargs -d '\n' sha256sum 2>/dev/null | sha256sum)
GOFLAGS="${GOFLAGS:-} $GO_BUILD_FLAGS" go generate -tags "$tags" ./... # for the programs that it runs, too
after=$(git ls-files -co --exclude-standard | LC_ALL=C sort | xargs -d '\n' sha256sum 2>/dev/null | sha256sum)
[[ $before == "$after" ]] || fail "generated files were out of date; they are written again now: commit them"

echo "check: every platform compiles: $*"
hack/cross.sh "$tags" "$@" || fail "a platform"

echo "check: no exported method is linked that nothing calls"
hack/unused-methods.sh "$tags" ./nhctl ./sidecar || fail "the linker keeps every exported method"

echo "check: fuzz targets"
hack/fuzz.sh "$tags" || fail "a fuzz target"

echo "check: lines of code and of tests where sessions live"
hack/metrics.sh

if ((${#failed[@]})); then
  printf 'check: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
