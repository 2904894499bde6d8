#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a release; fails when it says nothing. Usage: hack/changes.sh VERSION
set -euo pipefail
changes=$(awk -v heading="## ${1#v} " '
  /^## / { inside = index($0 " ", heading) == 1; next }
  /^\[.*\]: / { next }
  inside
' "$(dirname "${BASH_SOURCE[0]}")/../CHANGELOG.md")
[[ -n ${changes//[[:space:]]/} ]] || { echo "changes: CHANGELOG.md has no changes of $1" >&2; exit 1; }
echo "$changes"
