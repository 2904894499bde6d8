#!/usr/bin/env bash
# Compiles and vets nhctl for every platform and the sidecar for both architectures, the programs that are linked included: a file that
# only one platform compiles hides what another lacks. Usage: hack/cross.sh TAGS PLATFORM...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
shift
export CGO_ENABLED=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for platform in "$@"; do
  export GOOS=${platform%/*} GOARCH=${platform#*/}
  programs=(./nhctl) packages=(./nhctl/...)
  [[ $GOOS != linux ]] || { programs+=(./sidecar) packages+=(./sidecar/...); }
  # Vet first: it finds what doesn't compile in tests too, and leaves the linker little to do.
  go vet $GO_BUILD_FLAGS -tags "$tags" "${packages[@]}" || { echo "cross: go vet for $platform" >&2; failed=1; continue; }
  go build $GO_BUILD_FLAGS -tags "$tags" -ldflags "-s -w" -o "$work/" "${programs[@]}" || { echo "cross: go build for $platform" >&2; failed=1; }
done
exit "$failed"
