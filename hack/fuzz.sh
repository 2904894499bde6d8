#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while, on its seeds and what the fuzzer makes of them. Usage: hack/fuzz.sh TAGS [SECONDS]
# Targets are found by listing; a package that does not compile fails, and so does one whose targets can't be listed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/flags.sh"
tags=$1 seconds=${2:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mapfile -t packages < <(git ls-files -co --exclude-standard '*_test.go' | { xargs -r -d '\n' grep -lE '^func Fuzz[A-Z0-9_]' || true; } | xargs -r -d '\n' -n1 dirname | sort -u)
((${#packages[@]})) || { echo "fuzz: no targets"; exit 0; }

# A package's binary serves all its targets. This module alone has the coverage that guides the fuzzer: `go test -fuzz` would compile every
# dependency again for it.
module=$(go list -m)
targets=()
for package in "${packages[@]}"; do
  binary=$work/${package//\//_}
  go test $GO_BUILD_FLAGS -gcflags="$module/...=-d=libfuzzer" -tags "$tags" -c -o "$binary" "./$package"
  names=$(cd "$package" && "$binary" -test.list '^Fuzz')
  [[ -n $names ]] || { echo "fuzz: $package has fuzz targets that its binary doesn't list" >&2; exit 1; }
  for name in $names; do targets+=("$package $binary $name"); done
done

# A fuzzer that is out of time may report that as a failure, on a machine that is busy (https://go.dev/issue/75804, until Go 1.27).
out_of_time() {
  grep -qx ' *context deadline exceeded' "$1" && ! grep -qE 'Failing input|panic:' "$1"
}

# A target that tries fewer inputs than this in all its time waits for something, and finds nothing.
least=$((10 * seconds))

# An input that runs code it did not run the last time is minimized for up to a minute, and goroutines make it look so each time.
minimize=1s

# One processor for each target, as many targets at once as there are processors.
fuzz() {
  local package=$1 binary=$2 name=$3 log execs
  log=$4/${package//\//_}-$name.log
  if (cd "$package" && LOGGER_DISCARD=1 timeout $((seconds + 120)) "$binary" -test.run "^$name\$" -test.fuzz "^$name\$" \
    -test.fuzztime "${seconds}s" -test.fuzzminimizetime $minimize -test.fuzzcachedir "$(go env GOCACHE)/fuzz/nhctl/$package" -test.parallel 1) >"$log" 2>&1 || out_of_time "$log"; then
    execs=$(grep -oE 'execs: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
    if ((${execs:-0} >= least)); then
      echo "fuzz: ok   $package $name: $execs inputs"
      return
    fi
    echo "fuzz: $package $name tried ${execs:-0} inputs in $seconds s: it waits for something" >&2
  fi
  echo "fuzz: FAIL $package $name"
  cat "$log"
  return 1
}
export -f fuzz out_of_time
export seconds least minimize
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c "fuzz {} $work"
echo "fuzz: ${#targets[@]} targets, $seconds s each"
