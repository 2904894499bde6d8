#!/usr/bin/env bash
# Fails where the linker keeps every exported method of every type, because some function looks methods up by a name
# that is not known before: a third of nhctl's size. It prints how the linker reached that function.
# Usage: hack/unused-methods.sh TAGS PACKAGE...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1
shift
export CGO_ENABLED=0 GOOS=linux
for package in "$@"; do
  # The linker says "from -> to" of all that it keeps, in the order in which it finds it.
  go build $GO_BUILD_FLAGS -tags "$tags" -ldflags=-dumpdep -o /dev/null "$package" 2>&1 | awk -v package="$package" '
    / -> / {
      from = $0; sub(/ -> .*/, "", from); sub(/ <.*/, "", from)
      to = $0; sub(/.* -> /, "", to); method = to ~ /<ReflectMethod>/; sub(/ <.*/, "", to)
      if (!(to in by)) by[to] = from
      if (method && !found) {
        found = 1
        print package ": every exported method is linked, because of" > "/dev/stderr"
        for (n = 0; to != "_" && to != "" && n < 30; n++) { print "  " to > "/dev/stderr"; to = by[to] }
      }
      seen = 1
    }
    !/ -> |^#/ { print > "/dev/stderr" }
    END { exit found || !seen }'
done
