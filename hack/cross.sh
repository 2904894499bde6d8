#!/usr/bin/env bash
# Compiles nhctl for every platform and the sidecar for both architectures, the programs that are linked included: a file that only one
# platform compiles hides what another lacks. Once for each operating system that is not this one, all packages are vetted with their tests.
# Usage: hack/cross.sh TAGS PLATFORM...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
shift
export CGO_ENABLED=0
host_os=$(go env GOHOSTOS) host_arch=$(go env GOHOSTARCH)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# No one runs what is compiled for another platform here: without optimization it takes the compiler a third less.
foreign=(-trimpath "-gcflags=all=-N -l -dwarf=false")
for platform in "$@"; do
  export GOOS=${platform%/*} GOARCH=${platform#*/}
  flags=("${foreign[@]}")
  [[ $platform != "$host_os/$host_arch" ]] || read -ra flags <<<"$GO_BUILD_FLAGS"
  # Vet first: it leaves the linker little to do. This machine's own platform is vetted by hack/check.sh.
  if [[ $GOOS != "$host_os" && $GOARCH == "$host_arch" ]]; then
    go vet "${flags[@]}" -tags "$tags" ./nhctl/... ./sidecar/... || { echo "cross: go vet for $platform" >&2; failed=1; continue; }
  fi
  programs=(./nhctl)
  [[ $GOOS != linux ]] || programs+=(./sidecar)
  go build "${flags[@]}" -tags "$tags" -ldflags "-s -w" -o "$work/" "${programs[@]}" || { echo "cross: go build for $platform" >&2; failed=1; }
done
exit "$failed"
