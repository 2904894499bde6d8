#!/usr/bin/env bash
# Packs the VS Code extension once per platform, each with its nhctl of dist/ inside, and tries the one of this computer.
# Usage: hack/vscode-platforms.sh OUT PLATFORM...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD out=$(realpath -m "$1")
shift
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
rm -rf "$out"
mkdir -p "$out" "$stage/bin"

# Without development files, and apart from the sources: the package without nhctl must not find one there.
cd ide-plugins/vscode
node esbuild.mjs --production
cp -r dist images l10n package.json package.nls*.json README.md .vscodeignore ../../LICENSE "$stage"

# VS Code's own names of platforms. nhctl is static, so that Alpine has the same one as other Linux.
targets_of() {
  case $1 in
    linux/amd64) echo linux-x64 alpine-x64 ;;
    linux/arm64) echo linux-arm64 alpine-arm64 ;;
    darwin/amd64) echo darwin-x64 ;;
    darwin/arm64) echo darwin-arm64 ;;
    windows/amd64) echo win32-x64 ;;
    windows/arm64) echo win32-arm64 ;;
    *) echo "error: VS Code has no platform $1" >&2; return 1 ;;
  esac
}

vsce=$PWD/node_modules/@vscode/vsce/vsce
for platform in "$@"; do
  targets=$(targets_of "$platform")
  ext=
  [[ $platform != windows/* ]] || ext=.exe
  rm -f "$stage"/bin/*
  install -m 755 "$root/dist/nhctl-${platform/\//-}$ext" "$stage/bin/nhctl$ext"
  for target in $targets; do
    echo "nhctl-$target.vsix"
    (cd "$stage" && node "$vsce" package --no-dependencies --target "$target" --out "$out/nhctl-$target.vsix" >/dev/null)
  done
done

# As VS Code unpacks it, nhctl is a program, and says the version that it was built with.
vsix=$out/nhctl-linux-x64.vsix
[[ $(uname -m) != aarch64 ]] || vsix=$out/nhctl-linux-arm64.vsix
if [[ $(uname) == Linux && -f $vsix ]]; then
  unzip -q "$vsix" extension/bin/nhctl -d "$stage/unpacked"
  said=$("$stage/unpacked/extension/bin/nhctl" version -o json)
  want=$("$root/dist/nhctl-linux-$(go env GOHOSTARCH)" version -o json)
  [[ -n $said && $said == "$want" ]] || { echo "error: nhctl of $vsix says $said, not $want" >&2; exit 1; }
fi
