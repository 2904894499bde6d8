#!/usr/bin/env bash
# make test: checks, unit and script tests, then the scenarios on a playground of their own. Usage: hack/test.sh TAGS
#
# NHCTL_TEST_KUBECONFIG=FILE takes a cluster of yours instead of a playground (the images must be pullable there);
# NHCTL_TEST_SECOND_KUBECONFIG=FILE another one, without which the scenarios with two clusters fail and say so.
# KUBERNETES=1.37 chooses the playgrounds' minor version. NHCTL_TEST_IMAGES="sidecar dev-go" makes those images alone.
# NHCTL_TEST_TIMEOUT limits them all together. NHCTL_TEST_RUN=REGEXP runs only those scenarios, and leaves the rest out. NHCTL_TEST_KEEP=1 leaves the playground up.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
# Two checkouts never share a playground.
name=${NHCTL_TEST_PLAYGROUND:-test-$(pwd | sha256sum | cut -c1-6)}
run=${NHCTL_TEST_RUN:-}
kubernetes=${KUBERNETES:-}
starting=
# The scenarios of the VS Code extension use it packed, in a real VS Code.
vscode=1
[[ -z $run || TestVSCode =~ ${run%%/*} ]] || vscode=
export TEST_PARTS="scenarios ${vscode:+node vscode}"
rm -f bin/steps

# Unit tests run under the race detector where Go has one. On Linux it needs a C compiler, which nothing else here does. Names and users
# are looked up without C all the same, as in the programs that are shipped.
unit=(go test)
case $(go env GOOS)/$(go env GOARCH) in
  linux/amd64 | linux/arm64)
    unit=(env CGO_ENABLED=1 go test -race)
    [[ -n $run ]] || TEST_PARTS+=" unit"
    ;;
  darwin/amd64 | darwin/arm64) unit=(go test -race) ;;
esac
# `make check` has run vet.
unit+=($GO_BUILD_FLAGS -tags "$tags,netgo,osusergo" -vet=off -count=1 -timeout 20m)

if [[ -n ${NHCTL_TEST_KUBECONFIG:-} ]]; then
  make --no-print-directory images IMAGES="${NHCTL_TEST_IMAGES:-all}"
else
  images=${NHCTL_TEST_IMAGES:-all}
  make --no-print-directory setup IMAGES="$images" KUBERNETES="$kubernetes"
  log=bin/playground.log
  # start NAME IMAGE...
  start() {
    bin/playground up --name "$1" ${kubernetes:+--kubernetes "$kubernetes"} && bin/playground load --name "$1" "${@:2}"
  }
  archives=(bin/images/*.tar)
  [[ $images == all ]] || archives=($(printf 'bin/images/%s.tar ' $images))
  # The second one is for the scenarios with two clusters, and the one that stops an API server: it has what those need.
  second='' small=(bin/images/{sidecar,dev-go,bookshop-catalog}.tar)
  [[ -n $run && ! TestTwoClusters =~ ${run%%/*} && ! TestAPIServerGone =~ ${run%%/*} ]] || second=$name-2
  echo "test: starting in the meantime: ${second:+two playgrounds, $second and }playground $name"
  { start "$name" "${archives[@]}" && { [[ -z $second ]] || start "$second" "${small[@]}"; }; } >"$log" 2>&1 &
  starting=$!
  trap 'wait "$starting" || true; [[ -n ${NHCTL_TEST_KEEP:-} ]] || { bin/playground down --name "$name" && bin/playground down --name "$name-2"; } >>"$log" 2>&1 || tail -n 3 "$log"' EXIT
fi
if [[ -n $vscode ]]; then
  echo "test: packing the VS Code extension"
  host=(host)
  [[ -z $run ]] || host=() # its tests in a real VS Code are no scenarios
  hack/step.sh "the VS Code extension" hack/vscode.sh bin/nhctl.vsix "${host[@]}"
  PATH=$(ide-plugins/vscode/test/setup/node.sh):$PATH
  hack/step.sh "a VS Code for tests" ide-plugins/vscode/test/setup/vscode.sh >/dev/null
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
  [[ -z $second ]] || export NHCTL_TEST_SECOND_KUBECONFIG=$PWD/.playground/$second/kubeconfig NHCTL_TEST_SECOND_PLAYGROUND=$second
fi
hack/step.sh --table
echo "test: scenarios on a real cluster"
export NHCTL_TEST_BIN=$PWD/bin
go test $GO_BUILD_FLAGS -tags "$tags,e2e" -count=1 -timeout "${NHCTL_TEST_TIMEOUT:-50m}" -parallel 4 ${run:+-run "$run"} -v ./nhctl/test/e2e 2>&1 | hack/quiet.sh
