#!/usr/bin/env bash
# Installs the programs that this repository takes from the system, in one place, once, before anything else runs: package managers have
# one lock, and two steps that install at the same time fail. Usage: hack/packages.sh [images] [rootless] [foreign] [node] [playground] [unit] [vscode]
set -euo pipefail

# Where the kernel has QEMU registered for the programs of the other architecture that images are made for.
other=aarch64
[[ $(uname -m) != "$other" ]] || other=x86_64
qemu=/proc/sys/fs/binfmt_misc/qemu-$other

# What is needed, the program or file that shows it is there, its Debian package, and why.
needs='
images     mmdebstrap  mmdebstrap                  makes the Debian layers of images
rootless   newuidmap   uidmap                      maps users where images are made without root
foreign    QEMU        qemu-user-static            runs programs of another architecture
foreign    QEMU        binfmt-support              lets the kernel start them by that
node       npm         npm                         fetches npm for the Node image, and packs the VS Code extension
node       unzip       unzip                       looks into the packed extension
playground runc        runc                        starts containers
playground ptp         containernetworking-plugins joins pods to the network
playground iptables    iptables                    forwards traffic to Services
playground ip          iproute2                    makes the network of the node
playground sysctl      procps                      lets the node forward packets
playground nsenter     util-linux                  starts programs inside the network of the node
playground igzip       isal                        unpacks images in half the time
unit       gcc         gcc                         links tests with the race detector
unit       /usr/include/stdlib.h libc6-dev         has the headers and libraries for that
unit       curl        curl                        downloads for the install script, which a test runs
scenarios  curl        curl                        is run in a cluster by scenarios
scenarios  python3     python3                     likewise
scenarios  node        nodejs                      likewise
vscode     chromium    chromium                    shows VS Code in tests of its extension
vscode     rg          ripgrep                     finds files for that VS Code
vscode     g++         g++                         compiles parts of that VS Code
vscode     make        make                        compiles parts of that VS Code
vscode     python3     python3                     compiles parts of that VS Code
'
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/cni

packages=() list=''
while read -r part program package why; do
  [[ -n $part && " $* " == *" $part "* ]] || continue
  [[ $program != QEMU ]] || program=$qemu
  [[ -f $program ]] || command -v "$program" >/dev/null && continue
  packages+=("$package")
  list+=$(printf '\n  %-28s %s' "$package" "$why")
done <<<"$needs"
((${#packages[@]})) || exit 0

if [[ $EUID != 0 ]]; then
  echo "error: these packages are missing, and installing them needs root:$list" >&2
  echo "run this as root, or install them first: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "error: these Debian packages are missing, and there is no apt-get to install them:$list" >&2
  echo "install what has their names on this system, and run this again" >&2
  exit 1
fi
echo "installing Debian packages:$list"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Another installation may hold one of apt's locks: it is named and waited for, as long as a large upgrade may take. DPkg::Lock::Timeout
# would wait without a word, and not for updates of the lists.
longest=3600
apt() {
  local end=$((SECONDS + longest)) holder='' told
  until DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=0 -o Acquire::Retries=3 "$@" </dev/null >"$log" 2>&1; do
    grep -q 'Could not get lock' "$log" && ((SECONDS < end)) || return 1
    told=$holder
    holder=$(sed -n 's/.*held by \(process [0-9]* ([^)]*)\).*/\1/p' "$log" | head -n 1)
    holder=${holder:-another program}
    [[ $holder == "$told" ]] || echo "waiting for $holder, which holds apt's lock"
    sleep 5
  done
}
if ! { apt update && apt install -y --no-install-recommends "${packages[@]}"; }; then
  cat "$log" >&2
  echo "error: the packages could not be installed; once this works, run it again: apt-get update && apt-get install ${packages[*]}" >&2
  exit 1
fi
if [[ " $* " == *" foreign "* && ! -f $qemu ]] && ! { update-binfmts --enable && [[ -f $qemu ]]; }; then
  echo "error: QEMU is installed, but the kernel does not start it: $qemu is missing; this machine needs binfmt_misc" >&2
  exit 1
fi
