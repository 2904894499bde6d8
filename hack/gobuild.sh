#!/usr/bin/env bash
# Builds a Go program, or takes it from a cache outside the repository when the same sources were built before: a fresh clone links nothing
# twice. Usage: hack/gobuild.sh OUT PACKAGE [LDFLAGS]; TAGS has the build tags.
set -euo pipefail
out=$1 package=$2 ldflags="-s -w ${3:-}"
# Every file of this module that goes into the program, by go's own word; other modules are named by go.sum.
files='{{$d := .Dir}}{{if .Module}}{{if .Module.Main}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}'
hash=$( (
  go version
  go env GOOS GOARCH CGO_ENABLED
  echo "$package ${TAGS:-} $ldflags"
  cat go.mod go.sum
  go list -deps -tags "${TAGS:-}" -f "$files" "$package" | sed "s|^$PWD/||" | LC_ALL=C sort | xargs sha256sum
) | sha256sum | cut -c1-16)
cache=${NHCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nhctl}/bin/$hash
if [[ ! -f $cache ]]; then
  mkdir -p "$(dirname "$cache")"
  go build -trimpath -tags "${TAGS:-}" -ldflags "$ldflags" -o "$cache.$$" "$package"
  mv "$cache.$$" "$cache"
fi
touch "$cache"
ls -t "$(dirname "$cache")" | tail -n +25 | (cd "$(dirname "$cache")" && xargs -r rm -f) # a binary of every platform, and some to spare
# A running program's file can't be written to, but it can be replaced.
cp "$cache" "$out.new"
mv "$out.new" "$out"
