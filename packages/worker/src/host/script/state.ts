/** One line per task: what its files and its process say. */
import { script } from "./text.ts"

export const state = script`
#!/bin/sh
# state.sh [lines]: ids from stdin up to a dot; one line per task, no forks. First the process, then the exit file: an end
# between the two is seen. "lines" leaves the frame ("@signalbox" … "@end") to the caller. 71: the input was cut short.
# absent: nothing ran and nothing runs under this id (also after a kill before its start).
read -r now </proc/sys/kernel/random/boot_id || exit 74
o=$HOME/.signalbox/active; a=\${SIGNALBOX_LOG:+$o/$SIGNALBOX_LOG}
mode=\${1-}; [ "$mode" = lines ] || printf '\n@signalbox\n'
dot=
while read -r id; do
  [ "$id" = . ] && { dot=1; break; }
  d=$HOME/.signalbox/tasks/$id p= s= b= r= alive=no
  # Started before the logs had directories of their own: whoever asks for it is whose it is.
  if [ -n "$a" ] && [ -L "$o/$id" ]; then mkdir -p "$a" && ln -sfn "../../tasks/$id" "$a/$id" && rm -f "$o/$id"; fi
  if [ ! -d "$d" ] || [ -f "$d/never" ]; then echo "$id absent"; continue; fi
  [ -f "$d/pid" ] && read -r p s b r <"$d/pid"
  if [ -n "$p" ] && [ "$b" = "$now" ] && [ -r "/proc/$p/stat" ] && read -r l <"/proc/$p/stat"; then
    set -- \${l##*) }; [ "$1" != Z ] && [ "\${20}" = "$s" ] && alive=yes      # not a zombie, not a reused pid
  fi 2>/dev/null
  # The command has ended and its runner, older than it, is still writing down the exit code: not lost.
  if [ $alive = no ] && [ -n "$r" ] && [ "$b" = "$now" ] && [ -r "/proc/$r/stat" ] && read -r l <"/proc/$r/stat"; then
    set -- \${l##*) }; [ "$1" != Z ] && [ "\${20}" -le "$s" ] && alive=yes
  fi 2>/dev/null
  if [ -f "$d/exit" ]; then read -r code at <"$d/exit"; echo "$id exited $code $at"
  elif [ -z "$p" ]; then
    r= b=; [ -f "$d/once/runner" ] && read -r r b <"$d/once/runner"
    if [ ! -d "$d/once" ]; then echo "$id prepared"
    elif [ -n "$b" ] && [ "$b" != "$now" ]; then echo "$id interrupted"
    elif [ -n "$b" ] && [ ! -d "/proc/$r" ] && [ ! -f "$d/pid" ] && [ ! -f "$d/exit" ]; then echo "$id lost"
    else echo "$id starting"; fi
  elif [ "$b" != "$now" ]; then echo "$id interrupted"
  elif [ $alive = yes ]; then echo "$id running $p $b"
  elif [ -f "$d/exit" ]; then read -r code at <"$d/exit"; echo "$id exited $code $at"
  else echo "$id lost"; fi
done
[ -n "$dot" ] || exit 71
[ "$mode" = lines ] || echo @end
`
