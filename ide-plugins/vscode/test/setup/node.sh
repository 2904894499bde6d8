#!/usr/bin/env bash
# Prints the folder of a Node that is new enough for the extension's tools and VS Code: the machine's, or else one of npm's, in the user's
# cache. Usage: test/setup/node.sh
set -euo pipefail

version=20.19.5
if [[ $(node -p 'process.versions.node.split(".")[0]') -ge ${version%%.*} ]]; then
  dirname "$(command -v node)"
  exit
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/nhctl/node
home=$cache/$version
mkdir -p "$cache"
exec {lock}>"$cache/lock"
flock "$lock"
if [[ ! -x $home/bin/node ]]; then
  made=$(mktemp -d "$cache/made.XXXXXX")
  name=node-$(node -p 'process.platform + "-" + process.arch')
  (cd "$made" && npm pack --silent "$name@$version" >/dev/null && tar xzf "$name-$version.tgz")
  mv "$made/package" "$home"
  rm -rf "$made"
fi
echo "$home/bin"
