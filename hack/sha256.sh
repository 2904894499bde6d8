#!/usr/bin/env bash
# sha256sum, where that is called otherwise, too.
set -euo pipefail
if command -v sha256sum >/dev/null; then
  exec sha256sum "$@"
fi
exec shasum -a 256 "$@"
