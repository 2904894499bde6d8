#!/bin/sh
# Installs nhctl from a release, after its hash was compared with the release's: curl -fsSL ADDRESS/install.sh | sh
#
#   NHCTL_VERSION      release to install, such as v0.1.0 (default: the newest)
#   NHCTL_INSTALL_DIR  directory to install into (default: /usr/local/bin if it can be written to, else ~/.local/bin)
#   NHCTL_BASE_URL     where the release's files are, for a mirror
#
# It needs curl or wget, tar, and sha256sum or shasum. It never asks for root.
set -eu

fail() {
  echo "install: $*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# download URL FILE
download() {
  if has curl; then
    curl --fail --silent --show-error --location --output "$2" "$1"
  elif has wget; then
    wget --quiet --output-document="$2" "$1"
  else
    fail "curl or wget is needed"
  fi || fail "can't download $1"
}

# hash FILE
hash() {
  if has sha256sum; then
    sha256sum "$1"
  elif has shasum; then
    shasum -a 256 "$1"
  else
    fail "sha256sum or shasum is needed: without them nhctl could be anyone's program"
  fi | cut -d ' ' -f 1
}

# The whole script is read before anything is done: a connection that breaks leaves nothing half done.
main() {
  system=$(uname -s) machine=$(uname -m)
  case $system in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "there is no nhctl for $system here; on Windows use Scoop, or the release's zip files" ;;
  esac
  case $machine in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no nhctl for $machine" ;;
  esac

  releases=https://github.com/nhctl/nhctl/releases
  if [ -n "${NHCTL_BASE_URL:-}" ]; then
    base=${NHCTL_BASE_URL%/}
  elif [ -n "${NHCTL_VERSION:-}" ]; then
    base=$releases/download/$NHCTL_VERSION
  else
    base=$releases/latest/download
  fi

  if [ -n "${NHCTL_INSTALL_DIR:-}" ]; then
    dir=$NHCTL_INSTALL_DIR
  elif [ -w /usr/local/bin ]; then
    dir=/usr/local/bin
  else
    dir=$HOME/.local/bin
  fi

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  # The release's list of hashes says what its archive is called.
  download "$base/checksums.txt" "$work/checksums.txt"
  line=$(grep -E "^[0-9a-f]{64}  nhctl_[^/ ]+_${os}_$arch\.tar\.gz\$" "$work/checksums.txt") ||
    fail "$base has no nhctl for $os/$arch"
  want=${line%% *} archive=${line##* }
  download "$base/$archive" "$work/$archive"
  got=$(hash "$work/$archive")
  [ "$got" = "$want" ] ||
    fail "$archive is not the one that was released: its hash is $got, and should be $want. Nothing was installed."

  tar -xzf "$work/$archive" -C "$work" nhctl || fail "can't unpack $archive"
  mkdir -p "$dir" || fail "can't make $dir: name another directory in NHCTL_INSTALL_DIR"
  # A program that runs can't be written to, but it can be replaced.
  cp "$work/nhctl" "$dir/.nhctl.new" || fail "can't write to $dir: name another directory in NHCTL_INSTALL_DIR"
  chmod 755 "$dir/.nhctl.new"
  mv -f "$dir/.nhctl.new" "$dir/nhctl"
  ln -sf nhctl "$dir/kubectl-nhctl" # kubectl nhctl
  echo "installed $("$dir/nhctl" version | head -n 1) as $dir/nhctl"
  case :$PATH: in
    *":$dir:"*) ;;
    *) echo "$dir is not on your PATH: add it there" ;;
  esac
}

main
