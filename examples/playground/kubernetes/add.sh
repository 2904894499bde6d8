#!/usr/bin/env bash
# Writes the module files MINOR.mod and MINOR.sum of a further version of Kubernetes, with which `go build -modfile`
# compiles the same sources as with go.mod: they require the same modules, in versions that this Kubernetes asks for.
# Usage: examples/playground/kubernetes/add.sh v1.37.2
set -euo pipefail
version=$1
[[ $version =~ ^v1\.([0-9]+)\.([0-9]+)$ ]] || { echo "$version is no version such as v1.37.2" >&2; exit 2; }
staging=v0.${BASH_REMATCH[1]}.${BASH_REMATCH[2]} mod=kubernetes/1.${BASH_REMATCH[1]}.mod
cd "$(dirname "${BASH_SOURCE[0]}")/.."
upstream=$(GOWORK=off go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
new=$(mktemp "kubernetes/new.XXXXXX.mod")
trap 'rm -f "$new" "${new%.mod}.sum"' EXIT
{
  echo "// Kubernetes $version instead of the one in ../go.mod. Written by add.sh."
  sed -e '/^\/\/ /d' -e '/^replace (/,/^)/d' -e '/\/\/ indirect$/d' \
    -e "s|^\(\tk8s.io/kubernetes\) .*|\1 $version|" -e "s|^\(\tk8s.io/[a-z-]*\) v0.*|\1 $staging|" go.mod
  echo "// Kubernetes' staging modules are published beside it, under version 0."
  echo "replace ("
  sed -n "s|^\t\(k8s.io/[a-z-]*\) => ./staging/.*|\t\1 => \1 $staging|p" "$upstream"
  echo ")"
} >"$new"
go mod tidy -modfile="$new"
chmod 644 "$new"
mv "$new" "$mod"
mv "${new%.mod}.sum" "${mod%.mod}.sum"
