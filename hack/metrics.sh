#!/usr/bin/env bash
# Prints the lines of code and of tests of the rooms that sessions live in, package by package, and which packages of
# the repository have over 2,000 lines of code. With a coverage profile, also how much of the statements unit tests run.
# A package that is for tests only counts as tests, of the package above it. The profile is the one of the last
# `make test`, unless sources are newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source hack/flags.sh
profile=bin/coverage.out
[[ -f $profile && -z $(find nhctl sidecar -name '*.go' -newer "$profile" -print -quit) ]] || profile=/dev/null
rooms="^nhctl/internal/(${SESSION_ROOMS// /|})(/|$)"

git ls-files -co --exclude-standard '*.go' ':!:*/testdata/*' | xargs wc -l |
  awk -v rooms="$rooms" -v module="$(go list -m)/" '
  function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
  function row(name, code, tests, ran, all) {
    covered = all ? sprintf("%5.1f %%", 100 * ran / all) : "      -"
    return sprintf("  %-46s %6d %6d %6.2f  %s", name, code, tests, code ? tests / code : 0, covered)
  }
  # The profile has a line for each block and test program: "module/package/file.go:from,to statements count".
  FILENAME != "-" {
    if (FNR == 1) next
    package = folder(substr($1, length(module) + 1))
    if (!($1 in statements)) { statements[$1] = $2; all[package] += $2 }
    if ($3 > 0 && !($1 in run)) { run[$1] = 1; ran[package] += $2 }
    next
  }
  $2 == "total" || $2 !~ /\// { next }
  {
    package = folder($2)
    test = $2 ~ /_test\.go$/
    if (package ~ /test$/ && package !~ /\/test$/) { package = folder(package); test = 1 }
    if (test) tests[package] += $1; else code[package] += $1
    known[package] = 1
  }
  END {
    printf "  %-46s %6s %6s %6s  %s\n", "", "code", "tests", "ratio", "covered"
    fflush()
    sort = "LC_ALL=C sort"
    for (p in known) if (p ~ rooms) {
      print row(p, code[p], tests[p], ran[p], all[p]) | sort
      c += code[p]; t += tests[p]; r += ran[p]; a += all[p]
    }
    close(sort)
    print row("all of them", c, t, r, a)
    fflush()
    for (p in code) if (code[p] > 2000) large[p] = code[p]
    for (p in large) printf "  over 2,000 lines, take a second look: %s (%d)\n", p, large[p] | sort
  }' "$profile" -
