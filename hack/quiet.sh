#!/usr/bin/env bash
# Shortens `go test -v`: a line for each test that ends, and the whole output of those that fail. The last lines are the runner's own.
exec awk '
/^=== (RUN|PAUSE|CONT|NAME)/ { next }
/^ *--- PASS/ { print; fflush(); next }
{ print; fflush() }'
