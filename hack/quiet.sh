#!/usr/bin/env bash
# Shortens `go test -v`: a line for each test that ends, and all that tests say as they say it. At the end come once more the last lines of
# those that failed, of which other tests' lines may be far apart, and the slowest ten. The last lines are the runner's own.
exec awk '
/^=== (RUN|PAUSE|CONT|NAME)/ { current = $3; next }
/^ *--- (PASS|FAIL|SKIP): / {
  took[$3] = substr($4, 2) + 0
  if ($2 == "FAIL:") failed[++failures] = $3
}
/^(PASS|FAIL)$/ && !ended++ { repeat_failures(); list_slowest() }
!/^ *--- / && !ended { said[current, ++lines[current]] = $0 }
{ print; fflush() }

function repeat_failures(   i, j, name) {
  for (i = 1; i <= failures; i++) {
    name = failed[i]
    print "failed: " name
    for (j = lines[name] > 40 ? lines[name] - 39 : 1; j <= lines[name]; j++) print said[name, j]
  }
}

function list_slowest(   i, name, slowest) {
  for (i = 0; i < 10; i++) {
    slowest = ""
    for (name in took) if (slowest == "" || took[name] > took[slowest]) slowest = name
    if (slowest == "") return
    if (i == 0) print "the slowest tests:"
    printf "  %7.1f s  %s\n", took[slowest], slowest
    delete took[slowest]
  }
}'
