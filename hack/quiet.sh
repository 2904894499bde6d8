#!/usr/bin/env bash
# Shortens `go test -v`: a line for each test that ends, the whole output of those that fail, and the slowest ten. The last lines are the
# runner's own.
exec awk '
/^=== (RUN|PAUSE|CONT|NAME)/ { next }
/^ *--- (PASS|FAIL): / { took[$3] = substr($4, 2) + 0 }
/^(PASS|FAIL)$/ && !ended++ {
  for (i = 0; i < 10; i++) {
    slowest = ""
    for (name in took) if (slowest == "" || took[name] > took[slowest]) slowest = name
    if (slowest == "") break
    if (i == 0) print "the slowest tests:"
    printf "  %7.1f s  %s\n", took[slowest], slowest
    delete took[slowest]
  }
}
{ print; fflush() }'
