#!/usr/bin/env bash
# Builds a Go program, or takes it from a cache outside the repository when the same sources were built before: a fresh clone links nothing
# twice. Usage: hack/gobuild.sh OUT PACKAGE [LDFLAGS]; TAGS has the build tags.
set -euo pipefail
hack=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$hack/flags.sh"
out=$1 package=$2 ldflags="-s -w ${3:-}"
# Every file of this module that goes into the program, by go's own word; other modules are named by go.sum.
files='{{$d := .Dir}}{{if .Module}}{{if .Module.Main}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}'
hash=$( (
  go version
  go env GOOS GOARCH CGO_ENABLED
  echo "$package ${TAGS:-} $ldflags $GO_BUILD_FLAGS"
  cat go.mod go.sum
  go list -deps -tags "${TAGS:-}" -f "$files" "$package" | tr '\\' / | sed "s|^$PWD/||" | LC_ALL=C sort | xargs "$hack/sha256.sh"
) | "$hack/sha256.sh" | cut -c1-16)
cache=${NHCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nhctl}/bin
mkdir -p "$cache"
if [[ ! -f $cache/$hash ]]; then
  new=$(mktemp "$cache/new.XXXXXX")
  trap 'rm -f "$new"' EXIT
  go build $GO_BUILD_FLAGS -buildvcs=false -tags "${TAGS:-}" -ldflags "$ldflags" -o "$new" "$package"
  chmod 0755 "$new"
  mv "$new" "$cache/$hash"
fi
# A running program's file can't be written to, but it can be replaced. Other checkouts use the cache at the same time: what was used
# lately is never removed.
cp "$cache/$hash" "$out.$$.new"
mv "$out.$$.new" "$out"
touch "$cache/$hash"
"$hack/prune.sh" "$cache" 24
