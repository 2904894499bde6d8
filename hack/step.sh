#!/usr/bin/env bash
# Runs a step of a long command, and notes in bin/steps when it began, how long it took and how much of the processors it had.
# Usage: hack/step.sh NAME COMMAND...; `hack/step.sh --table` prints what was noted since bin/steps was removed.
set -euo pipefail
if [[ $1 == --table ]]; then
  echo
  echo "where the time went (steps overlap):"
  sort -n bin/steps | awk -F '\t' '
    NR == 1 { first = $1; printf "  %-34s %8s %8s %8s\n", "", "begin", "took", "CPU" }
    { printf "  %-34s %6.0f s %6.1f s %6.1f s\n", $2, $1 - first, $3, $4 + $5; cpu += $4 + $5; if ($1 + $3 > last) last = $1 + $3 }
    END { printf "  %-34s %8s %6.1f s %6.1f s\n", "all", "", last - first, cpu }'
  exit
fi
name=$1
shift
mkdir -p bin
# The bash of macOS is of 2007.
begin=${EPOCHREALTIME:-$(date +%s)} status=0
TIMEFORMAT=$'%R\t%U\t%S'
exec 8>&1 9>&2
took=$({ time "$@" 1>&8 2>&9 8>&- 9>&-; } 2>&1) || status=$?
printf '%s\t%s\t%s\n' "$begin" "$name" "$took" >>bin/steps
exit "$status"
