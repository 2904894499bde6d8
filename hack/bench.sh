#!/usr/bin/env bash
# make bench: measure against baselines in the same run, on a playground of its own. The table and the raw data go to bin/bench.
# Usage: hack/bench.sh TAGS; BENCH=REGEXP chooses some of them by name (see benches in nhctl/test/e2e/bench_test.go).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
name=bench-$(pwd | sha256sum | cut -c1-6)
make --no-print-directory setup
trap 'bin/playground down --name "$name" >/dev/null' EXIT
bin/playground up --name "$name" ${KUBERNETES:+--kubernetes "$KUBERNETES"}
bin/playground load --name "$name" bin/images/{sidecar,dev-go,dev-python,dev-node}.tar bin/images/bookshop-*.tar
export NHCTL_TEST_KUBECONFIG=$PWD/.playground/$name/kubeconfig NHCTL_TEST_BIN=$PWD/bin NHCTL_BENCH_OUT=$PWD/bin/bench LOGGER_DISCARD=1
mkdir -p "$NHCTL_BENCH_OUT"
go test $GO_BUILD_FLAGS -tags "$tags,e2e,bench" -count=1 -timeout 60m -run "^TestBench\$/${BENCH:-}" ./nhctl/test/e2e -v
