#!/usr/bin/env bash
# make test: checks, unit and script tests, then the scenarios on a playground of their own. Usage: hack/test.sh TAGS
#
# NHCTL_TEST_KUBECONFIG=FILE takes a cluster of yours instead of a playground (the images must be pullable there);
# NHCTL_TEST_SECOND_KUBECONFIG=FILE another one, without which the scenarios with two clusters fail and say so.
# NHCTL_TEST_TIMEOUT limits them all together. NHCTL_TEST_RUN=REGEXP runs only those scenarios, and leaves the rest out. NHCTL_TEST_KEEP=1 leaves the playground up.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
# Two checkouts never share a playground.
name=${NHCTL_TEST_PLAYGROUND:-test-$(pwd | sha256sum | cut -c1-6)}
run=${NHCTL_TEST_RUN:-}
starting=
rm -f bin/steps

# Unit tests run under the race detector where Go has one. On Linux it needs a C compiler, which nothing else here does. Names and users
# are looked up without C all the same, as in the programs that are shipped.
unit=(go test)
case $(go env GOOS)/$(go env GOARCH) in
  linux/amd64 | linux/arm64)
    unit=(env CGO_ENABLED=1 go test -race)
    [[ -n $run ]] || export TEST_PARTS=unit
    ;;
  darwin/amd64 | darwin/arm64) unit=(go test -race) ;;
esac
# `make check` has run vet.
unit+=($GO_BUILD_FLAGS -tags "$tags,netgo,osusergo" -vet=off -count=1 -timeout 20m)

if [[ -n ${NHCTL_TEST_KUBECONFIG:-} ]]; then
  make --no-print-directory images IMAGES=all
else
  make --no-print-directory setup IMAGES=all
  log=bin/playground.log
  echo "test: starting two playgrounds, $name and $name-2, in the meantime"
  # The second one is for the scenarios with two clusters, and the one that stops an API server: it has what those need.
  { bin/playground up --name "$name" && bin/playground load --name "$name" bin/images/*.tar &&
    bin/playground up --name "$name-2" && bin/playground load --name "$name-2" bin/images/{sidecar,dev-go,bookshop-catalog}.tar; } >"$log" 2>&1 &
  starting=$!
  trap 'wait "$starting" || true; [[ -n ${NHCTL_TEST_KEEP:-} ]] || { bin/playground down --name "$name" && bin/playground down --name "$name-2"; } >>"$log" 2>&1 || tail -n 3 "$log"' EXIT
fi
if [[ -z $run ]]; then
  hack/step.sh "make check" make --no-print-directory check
  # What tests find on the machine is no part of what Go's cache of results knows, hence -count=1 everywhere.
  echo "test: unit and script tests"
  sessions=$(go list -tags "$tags" $(printf './nhctl/internal/%s/... ' $SESSION_ROOMS))
  others=$(go list -tags "$tags" ./... | grep -vxF "$sessions")
  NHCTL_CHAOS=60s hack/step.sh "unit and script tests" "${unit[@]}" $others
  # They cover each other: a session's test runs all of them.
  hack/step.sh "unit tests of sessions" "${unit[@]}" \
    -covermode atomic -coverpkg "${sessions//$'\n'/,}" -coverprofile bin/coverage.out $sessions | sed 's/\tcoverage: .*//'
  hack/metrics.sh
  hack/step.sh "unit tests of the release" go -C hack/release test $GO_BUILD_FLAGS -count=1 ./...
  if [[ -n $starting ]]; then
    # Those run Kubernetes' own components: the race detector would have all of Kubernetes compiled once more.
    echo "test: the playground's own tests"
    hack/step.sh "the playground's own tests" go -C examples/playground test $GO_BUILD_FLAGS -count=1 -timeout 20m . ./internal/...
  fi
fi

if [[ -z ${NHCTL_TEST_KUBECONFIG:-} ]]; then
  status=0
  wait "$starting" || status=$?
  cat "$log"
  ((status == 0)) || exit "$status"
  export NHCTL_TEST_KUBECONFIG=$PWD/.playground/$name/kubeconfig
  export NHCTL_TEST_SECOND_KUBECONFIG=$PWD/.playground/$name-2/kubeconfig NHCTL_TEST_SECOND_PLAYGROUND=$name-2
fi
hack/step.sh --table
echo "test: scenarios on a real cluster"
export NHCTL_TEST_BIN=$PWD/bin
go test $GO_BUILD_FLAGS -tags "$tags,e2e" -count=1 -timeout "${NHCTL_TEST_TIMEOUT:-40m}" -parallel 4 ${run:+-run "$run"} -v ./nhctl/test/e2e 2>&1 | hack/quiet.sh
