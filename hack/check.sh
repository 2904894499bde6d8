#!/usr/bin/env bash
# make check: everything that can be said of the sources without running them. Usage: hack/check.sh TAGS
set -euo pipefail
tags=$1
failed=0
fail() { echo "check: $1" >&2; failed=1; }

unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
[[ -z $unformatted ]] || fail "not gofmt-ed (run gofmt -w): $unformatted"

echo "check: go vet, staticcheck"
go vet -tags "$tags,e2e" ./... || fail "go vet"
go tool staticcheck -tags "$tags,e2e" ./... || fail "staticcheck"

echo "check: modules are tidy"
for dir in . examples/playground; do
  (cd "$dir" && go mod tidy -diff >/dev/null) || fail "$dir: go.mod is not tidy (run go mod tidy there)"
done

echo "check: generated files are up to date"
before=$(git ls-files -co --exclude-standard | LC_ALL=C sort | xargs -d '\n' sha256sum 2>/dev/null | sha256sum)
go generate -tags "$tags" ./...
after=$(git ls-files -co --exclude-standard | LC_ALL=C sort | xargs -d '\n' sha256sum 2>/dev/null | sha256sum)
[[ $before == "$after" ]] || fail "generated files were out of date; they are written anew now: commit them"

exit $failed
