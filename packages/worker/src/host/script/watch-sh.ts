/** The same protocol for a host without perl: POSIX sh, one look a second, at most 64 KiB of a file at a time. Slow and sure. */
import { script } from "./text.ts"

export const watchSh = script`
#!/bin/sh
# watch.sh: as watch.pl. Offsets are kept in files of a directory of its own, because sh has no tables.
b=$HOME/.signalbox; umask 077; mkdir -p "$b/active/\${SIGNALBOX_LOG:?}" && cd "$b/active/$SIGNALBOX_LOG" || exit 70
for w in "$b"/watch.[0-9]*; do [ -d "$w" ] && [ ! -d "/proc/\${w##*.}" ] && rm -rf "$w"; done
w=$b/watch.$$; mkdir -p "$w" || exit 70
trap 'rm -rf "$w"' EXIT; trap 'exit 0' HUP INT TERM PIPE
dot=
while read -r id s o; do [ "$id" = . ] && { dot=1; break; }; echo "$o" >"$w/$id.$s"; done
[ -n "$dot" ] || exit 71
printf '\n@signalbox\n' || exit 0
while :; do
  busy=
  for id in *; do
    [ -d "$id" ] && [ ! -f "$w/$id.told" ] || continue
    end=; [ -f "$id/exit" ] && end=1; more=
    if [ -f "$id/pid" ] && [ ! -f "$w/$id.pid" ]; then read -r l <"$id/pid"; echo "P $id $l" || exit 0; : >"$w/$id.pid"; fi
    for s in out err; do
      [ -f "$id/$s" ] || continue
      size=$(wc -c <"$id/$s"); size=$((size)); o=0; [ -f "$w/$id.$s" ] && read -r o <"$w/$id.$s"
      if [ "$size" -lt "$o" ]; then echo "T $id $s $size" || exit 0; o=0; echo 0 >"$w/$id.$s"; fi
      [ "$size" -eq "$o" ] && continue
      # A copy first: the length must be true even when the file shrinks meanwhile.
      tail -c "+$((o + 1))" "$id/$s" 2>/dev/null | head -c 65536 >"$w/bytes"; got=$(wc -c <"$w/bytes"); got=$((got))
      [ "$got" -gt 0 ] || continue
      { echo "D $id $s $o $got"; cat "$w/bytes"; echo; } || exit 0
      echo $((o + got)) >"$w/$id.$s"; busy=1
      [ $((o + got)) -lt "$size" ] && more=1
    done
    if [ -n "$end" ] && [ -z "$more" ]; then read -r l <"$id/exit"; echo "X $id $l" || exit 0; : >"$w/$id.told"; fi
  done
  [ -n "$busy" ] || { echo . || exit 0; sleep 1; }
done
`
