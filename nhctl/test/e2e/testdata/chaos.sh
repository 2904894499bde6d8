#!/bin/bash
# Edits the folder ./chaos at random until it is told to stop, and prints what it did:
#   chaos.sh SIDE SEED
# B SIG          a content exists from now on (its lines, counted)
# W PATH ID      this side's content of a path; D PATH, M FROM TO, F FROM TO: it is gone, or elsewhere
# R PATH SIG     what a reader sees
# op NAME        what was done
cd "$(dirname "$0")" && mkdir -p chaos scratch && cd chaos || exit 1
side=$1 RANDOM=$2 n=0
scratch=../scratch/$side-$2
sig() { uniq -c "$1" 2>/dev/null | tr -s ' ' | tr '\n' ';'; }

reader() {
  while [ ! -e "$scratch.stop" ] && [ -e ../chaos.sh ]; do
    for f in d*/f*; do
      [ -f "$f" ] && s=$(sig "$f") && [ -n "$s" ] && echo "R $f $s"
    done
    sleep 0.5
  done
}
reader &

# place puts the scratch file in place in one step.
place() {
  mkdir -p "${1%/*}" && echo "B $(sig "$scratch")" && mv -f "$scratch" "$1" 2>/dev/null && echo "W $1 $side-$2-$n"
}

# Each operation has its turn; those on what is there choose one of that.
while [ ! -e "$scratch.stop" ] && [ -e ../chaos.sh ]; do
  n=$((n + 1))
  new=d$((RANDOM % 6))/f$((RANDOM % 6)) to=d$((RANDOM % 40))
  files=(d*/f*) dirs=(d*)
  p=${files[RANDOM % ${#files[@]}]} d=${dirs[RANDOM % ${#dirs[@]}]}
  case $((n % 9)) in
    0) [ -e "$new" ] || { yes "$side-$2-$n" | head -n $((1 + RANDOM % 60)) >"$scratch"; place "$new" "$2" && echo op create; } ;;
    1 | 2) yes "$side-$2-$n" | head -n $((1 + RANDOM % 60)) >"$scratch"; place "$new" "$2" && echo op write ;;
    3) cat "$p" >"$scratch" 2>/dev/null && echo "$side-$2-$n" >>"$scratch" && place "$p" "$2" && echo op append ;;
    4) [ "$p" != "$new" ] && mv -f "$p" "$new" 2>/dev/null && echo "M $p $new" && echo op rename over ;;
    5) rm "$p" 2>/dev/null && echo "D $p" && echo op delete ;;
    6) chmod $((RANDOM % 2 ? 644 : 755)) "$p" 2>/dev/null && echo op chmod ;;
    7) [ ! -e "$to" ] && mv -T "$d" "$to" 2>/dev/null && echo "F $d $to" && echo op move folder ;;
    8) touch -d "@$(($(date +%s) + RANDOM % 7200 - 3600))" -c "$p" 2>/dev/null && [ -e "$p" ] && echo op shift time ;;
  esac
  sleep 0.0$((RANDOM % 5))
done
wait
echo "op stopped"
