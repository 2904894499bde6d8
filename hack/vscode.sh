#!/usr/bin/env bash
# Checks the VS Code extension, runs its unit tests, and packs it. Usage: hack/vscode.sh VSIX [host|look]
# With "host" it also runs the tests in a real VS Code; with "look", too, and takes pictures of each view in each theme.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../ide-plugins/vscode"
vsix=$(realpath -m "../../$1")
PATH=$(test/setup/node.sh):$PATH
source test/setup/certificates.sh

# Scripts of packages would download; the extension needs none of them.
if [[ package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci --ignore-scripts --no-audit --no-fund
fi
npm run --silent check
npm test --silent
cp ../../LICENSE . # the package has its own
npm run --silent package -- --out "$vsix"
size=$(wc -c <"$vsix")
((size < 500 * 1024)) || { echo "error: $vsix has $size bytes; without nhctl it may have 500 KB" >&2; exit 1; }

if [[ -n ${2-} ]]; then
  npm run --silent test:host
  node out/host/untrusted.js "$vsix"
fi
if [[ ${2-} == look ]]; then
  node out/host/look.js "$vsix" out/pictures
fi
