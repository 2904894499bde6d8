#!/usr/bin/env bash
# Builds bin/sidecar-linux-* and their compressed forms that nhctl embeds, and writes the reference of the sidecar's image to bin/sidecar.ref.
# Usage: hack/sidecars.sh HASH VERSION BUILDINFO REFERENCE; HASH is one of the sidecar's sources, TAGS has the build tags. It does nothing
# where all of this is as it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source hack/flags.sh
hash=$1 version=$2 buildinfo=$3 reference=$4
embedded=nhctl/internal/sidecarbinary/embedded

key="$hash $version $reference $(go version) ${TAGS:-} $GO_BUILD_FLAGS"
packed=$embedded/sidecars-$version.tar.zst
if [[ -f bin/sidecars.key && $(cat bin/sidecars.key) == "$key" && -f bin/sidecar.ref && -f $packed && -f bin/sidecar-linux-amd64 &&
  -f bin/sidecar-linux-arm64 ]]; then
  exit
fi

mkdir -p bin
rm -f bin/sidecars.key "$embedded"/*.zst
echo "building the sidecar and nhctl (a few minutes the first time)"
for arch in amd64 arm64; do
  GOOS=linux GOARCH=$arch hack/gobuild.sh bin/sidecar-linux-$arch ./sidecar "-X $buildinfo.version=$version"
done
sum=$(cat bin/sidecar-linux-amd64 bin/sidecar-linux-arm64 | hack/sha256.sh | cut -c1-12)
# Compressing takes seconds: binaries that were compressed before are not again, even in another checkout.
cache=${NHCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nhctl}/packed
mkdir -p "$cache"
if [[ ! -f $cache/$sum ]]; then
  go run $GO_BUILD_FLAGS ./nhctl/internal/sidecarbinary/pack "$cache/$sum.$$.new" bin/sidecar-linux-amd64 bin/sidecar-linux-arm64
  mv "$cache/$sum.$$.new" "$cache/$sum"
fi
cp "$cache/$sum" "$packed"
touch "$cache/$sum"
hack/prune.sh "$cache" 4
echo "$reference-$sum" >bin/sidecar.ref
echo "$key" >bin/sidecars.key
