#!/usr/bin/env bash
# Removes the files of a cache that were not used for an hour, but for the newest ones. Usage: hack/prune.sh DIR KEEP
# Other builds do the same at the same time: a file that has gone in the meantime is fine.
set -euo pipefail
{ find "$1" -type f -mmin +60 -exec ls -t {} + 2>/dev/null || true; } | tail -n +$(($2 + 1)) | while IFS= read -r old; do rm -f "$old"; done
