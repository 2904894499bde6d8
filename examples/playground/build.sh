#!/usr/bin/env bash
# Builds the playground into OUT_DIR: the program `playground`, and the node's programs in `playground.d`.
# Usage: examples/playground/build.sh OUT_DIR
#
# The node's programs are cached by content outside the repository, so that a fresh clone does not build Kubernetes again.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
source ../../hack/flags.sh
export CGO_ENABLED=0
kubernetes=v1.34.4
version="k8s.io/component-base/version"
ldflags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=34"

hash=$( (
  cat go.mod go.sum containerd/go.mod containerd/go.sum kube/*.go pause/*.go internal/volumes/*.go
  go version
  echo "$ldflags $GO_BUILD_FLAGS"
) | sha256sum | cut -c1-16)
cache=${NHCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nhctl}/playground/$hash

# Both at once: while one waits for downloads, or links on one processor, the other compiles.
build() {
  local containerd=github.com/containerd/containerd/v2/cmd building
  go -C containerd build $GO_BUILD_FLAGS -ldflags "-s -w" -o "$cache/" $containerd/containerd $containerd/containerd-shim-runc-v2 $containerd/ctr &
  building=$!
  go build $GO_BUILD_FLAGS -ldflags "$ldflags" -o "$cache/kube" ./kube || { wait "$building" || true; return 1; }
  wait "$building"
  go build $GO_BUILD_FLAGS -ldflags "-s -w" -o "$cache/pause" ./pause
}

# progress runs a step, and says every 30 seconds how long it has been going on.
progress() {
  local what=$1 begin=$SECONDS ticker status=0
  shift
  echo "playground: $what"
  (while sleep 30; do echo "playground:   still building after $((SECONDS - begin)) s"; done) 9>&- &
  ticker=$!
  "$@" || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  return $status
}

mkdir -p "$cache"
exec 9>"$cache/lock" # another checkout may be building the same
flock -n 9 || { echo "playground: waiting for another checkout that builds the same"; flock 9; }
if [[ ! -f $cache/complete ]]; then
  progress "building Kubernetes (etcd, API server, kubelet and the rest) and containerd, several minutes the first time" build
  touch "$cache/complete"
fi
exec 9>&-
ln -sfn "$cache" "$out/playground.d"
../../hack/gobuild.sh "$out/playground" .
