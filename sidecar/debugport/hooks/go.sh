#!/bin/sh
# Stands before the go command: what it builds to be run is run under delve.
exec /.nhctl/bin/sidecar go -- "$@"
