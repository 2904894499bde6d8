#!/usr/bin/env bash
# make release-check: makes the release of the checked out commit twice, and fails unless both are the same to the byte. Each is made in a
# clone of its own, without anything that was compiled before; folder, time zone and file permissions differ. Usage: hack/release-check.sh
# PLATFORM...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
commit=$(git rev-parse HEAD)
[[ -z $(git status --porcelain) ]] || echo "release-check: this is about commit ${commit:0:12}, without the changes that are not committed" >&2
work=$(mktemp -d "${TMPDIR:-/tmp}/release-check.XXXXXX")
trap 'rm -rf "$work"' EXIT

# once NAME PLATFORM...
once() {
  local dir=$work/$1/nhctl
  shift
  git clone --quiet . "$dir"
  git -C "$dir" checkout --quiet --detach "$commit"
  GOCACHE=$dir.go NHCTL_CACHE=$dir.cache make -C "$dir" --no-print-directory release PLATFORMS="$*"
}
(TZ=UTC && export TZ && umask 022 && once first "$@")
(TZ=Pacific/Kiritimati && export TZ && umask 077 && once a/second "$@")

first=$work/first/nhctl/dist/release second=$work/a/second/nhctl/dist/release
if ! diff -r "$first" "$second"; then
  echo "release-check: two builds of ${commit:0:12} differ" >&2
  exit 1
fi
echo "release-check: both builds of ${commit:0:12} are the same to the byte:"
(cd "$first" && ls -l)
