#!/usr/bin/env bash
# Makes a real VS Code for tests, without a desktop: the server inside npm's code-server package, which a browser opens. Prints its folder.
# It is made once per version, in the user's cache. Usage: test/setup/vscode.sh
set -euo pipefail

version=4.100.3 # VS Code 1.100.3, the newest for Node 20
cache=${XDG_CACHE_HOME:-$HOME/.cache}/nhctl/vscode
major=$(node -p 'process.versions.node.split(".")[0]')
home=$cache/$version-node$major
if [[ -f $home/ready ]]; then
  echo "$home/package/lib/vscode"
  exit
fi

source "$(dirname "${BASH_SOURCE[0]}")/certificates.sh"

make_it() {
  echo "making VS Code for tests in $home (once, some minutes)"
  rm -rf "$home"
  mkdir -p "$home"
  cd "$home"
  tar xzf "${NHCTL_CODE_SERVER:-$(npm pack --silent "code-server@$version")}"
  rm -f "code-server-$version.tgz"
  cd package/lib/vscode
  # Scripts of packages would download. Two of them compile what VS Code needs: output channels and terminals.
  npm install --omit=dev --ignore-scripts --no-audit --no-fund
  export npm_config_build_from_source=true
  # Node's own headers are next to it; node-gyp would download them.
  headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  [[ ! -d $headers/include/node ]] || export npm_config_nodedir=$headers
  npm rebuild @vscode/spdlog
  npm rebuild node-pty || true # a step after its build may fail
  find node_modules/node-pty/build -name pty.node | grep -q . || { echo "error: node-pty was not built" >&2; exit 1; }
  mkdir -p node_modules/@vscode/ripgrep/bin
  ln -sf "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
  touch "$home/ready"
}

mkdir -p "$cache"
exec {lock}>"$cache/lock"
flock "$lock"
[[ -f $home/ready ]] || (make_it) >&2
echo "$home/package/lib/vscode"
