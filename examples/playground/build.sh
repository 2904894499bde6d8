#!/usr/bin/env bash
# Builds the playground into OUT_DIR: the program `playground`, and in `playground.d` a folder of node programs for
# each VERSION, a minor version of Kubernetes that has a module file, such as 1.37; without one, for that of go.mod.
# Usage: examples/playground/build.sh OUT_DIR [VERSION...]
#
# The node's programs are cached by content outside the repository, so that a fresh clone does not build Kubernetes
# again.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")"
source ../../hack/flags.sh
export CGO_ENABLED=0
cache=${NHCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nhctl}/playground

hash_of() { (cat "$@" && go version && echo "$GO_BUILD_FLAGS") | sha256sum | cut -c1-16; }

# required is the version of Kubernetes that a module file requires.
required() { sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\)$|\1|p' "$1"; }

# progress runs a step, and says every 30 seconds how long it has been going on.
progress() {
  local what=$1 begin=$SECONDS ticker status=0
  shift
  echo "playground: building $what"
  (while sleep 30; do echo "playground:   still building ${what%% (*} after $((SECONDS - begin)) s"; done) 9>&- &
  ticker=$!
  "$@" || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  return $status
}

# fill DIR WHAT COMMAND... has a folder of the cache filled by a command, which gets its path, unless it was before.
fill() {
  local dir=$1 what=$2
  mkdir -p "$dir"
  exec 9>"$dir/lock" # another checkout may be building the same
  flock -n 9 || { echo "playground: waiting for another checkout that builds $what"; flock 9; }
  if [[ ! -f $dir/complete ]]; then
    progress "$what" "${@:3}" "$dir" || return
    touch "$dir/complete"
  fi
  exec 9>&-
}

# What all versions share: containerd, and the program of the sandbox image.
build_runtime() {
  local containerd=github.com/containerd/containerd/v2/cmd
  go -C containerd build $GO_BUILD_FLAGS -ldflags "-s -w" -o "$1/" \
    $containerd/{containerd,containerd-shim-runc-v2,ctr} &&
    go build $GO_BUILD_FLAGS -ldflags "-s -w" -o "$1/pause" ./pause
}

# build_kube MODULE_FILE DIR
build_kube() {
  local version stamp=k8s.io/component-base/version minor program
  version=$(required "$1")
  minor=${version#v1.}
  go build $GO_BUILD_FLAGS -modfile="$1" -o "$2/kube" -ldflags \
    "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%.*}" ./kube || return
  for program in containerd containerd-shim-runc-v2 ctr pause; do
    ln -sfn "../$runtime/$program" "$2/$program"
  done
}

# module_file MINOR
module_file() {
  local file all=()
  for file in go.mod kubernetes/*.mod; do
    [[ $(required "$file") != "v$1".* ]] || { echo "$file"; return; }
    all+=("$(required "$file")")
  done
  echo "playground: there is no module file of Kubernetes $1 (kubernetes/add.sh writes one); there are ${all[*]}" >&2
  return 2
}

files=()
for minor in "$@"; do
  file=$(module_file "$minor")
  files+=("$file")
done
((${#files[@]})) || files=(go.mod)

# Both at once: while one waits for downloads, or links on one processor, the other compiles.
runtime=runtime-$(hash_of containerd/go.mod containerd/go.sum pause/*.go)
fill "$cache/$runtime" "containerd" build_runtime &
building=$!
[[ ! -L $out/playground.d ]] || rm "$out/playground.d" # as it was with one version
mkdir -p "$out/playground.d"
for file in "${files[@]}"; do
  version=$(required "$file")
  kube=$cache/$(hash_of "$file" "${file%.mod}.sum" kube/*.go internal/volumes/*.go <(echo "$runtime"))
  fill "$kube" "Kubernetes $version (etcd, API server, kubelet and the rest, several minutes)" build_kube "$file" ||
    { wait "$building" || true; exit 1; }
  ln -sfn "$kube" "$out/playground.d/$version"
done
wait "$building"
ln -sfn "$version/kube" "$out/playground.d/kube" # kubectl for whoever has none, of the version that was built last
../../hack/gobuild.sh "$out/playground" .
