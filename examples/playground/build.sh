#!/usr/bin/env bash
# Builds the playground into OUT_DIR: the program `playground`, and the node's programs in `playground.d`.
# Usage: examples/playground/build.sh OUT_DIR
#
# The node's programs are cached by content outside the repository, so that a fresh clone does not build Kubernetes again.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
export CGO_ENABLED=0
kubernetes=v1.34.4
version="k8s.io/component-base/version"
ldflags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=34"

packages() {
  local missing=()
  [[ -x /usr/sbin/runc || -x /usr/bin/runc ]] || missing+=(runc)
  [[ -x /usr/lib/cni/ptp ]] || missing+=(containernetworking-plugins)
  [[ -x /usr/sbin/iptables || -x /sbin/iptables ]] || missing+=(iptables)
  [[ -x /usr/sbin/ip || -x /sbin/ip ]] || missing+=(iproute2)
  command -v sysctl >/dev/null || missing+=(procps)
  command -v igzip >/dev/null || missing+=(isal) # containerd unpacks images with it where it is found, in half the time
  command -v nsenter >/dev/null || missing+=(util-linux)
  ((${#missing[@]})) || return 0
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "error: missing: ${missing[*]}; install them as root, with your system's package manager" >&2
    exit 1
  fi
  echo "playground: installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Says every 20 seconds how long a step has been going on.
progress() {
  local what=$1 begin=$SECONDS ticker
  shift
  echo "playground: $what"
  (while sleep 20; do echo "playground:   still at it after $((SECONDS - begin)) s"; done) &
  ticker=$!
  local status=0
  "$@" || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  return $status
}

if [[ $(uname -s) == Linux ]]; then
  packages
fi
hash=$( (cat go.mod go.sum containerd/go.mod containerd/go.sum kube/*.go pause/*.go internal/volumes/*.go; go version; echo "$ldflags") | sha256sum | cut -c1-16)
cache=${NHCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nhctl}/playground/$hash
if [[ ! -f $cache/complete ]]; then
  mkdir -p "$cache"
  progress "building Kubernetes: etcd, API server, kubelet and the rest (about 6 minutes the first time)" \
    go build -trimpath -ldflags "$ldflags" -o "$cache/kube" ./kube
  progress "building containerd (about 1 minute the first time)" \
    go -C containerd build -trimpath -ldflags "-s -w" -o "$cache/" github.com/containerd/containerd/v2/cmd/containerd \
    github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 github.com/containerd/containerd/v2/cmd/ctr
  go build -trimpath -ldflags "-s -w" -o "$cache/pause" ./pause
  touch "$cache/complete"
fi
ln -sfn "$cache" "$out/playground.d"
../../hack/gobuild.sh "$out/playground" .
