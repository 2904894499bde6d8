#!/usr/bin/env bash
# Makes dist/release: archives, packages, manifests of package managers, notices and hashes, of the programs that `make cross` has left in
# dist. The same commit makes the same bytes: all files have the time of the commit, or that of SOURCE_DATE_EPOCH.
# Usage: hack/release.sh TAGS VERSION PLATFORM...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source hack/flags.sh
tags=$1 version=$2
shift 2
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
rm -rf dist/installed dist/release
go run $GO_BUILD_FLAGS -tags "$tags" ./nhctl/docs/installed dist/installed "$version" "$epoch"
go -C hack/release run $GO_BUILD_FLAGS . -root "$PWD" -version "$version" -tags "$tags" -epoch "$epoch" "$@"
ls -l dist/release
