/** Gives a message to the terminal of an interactive task, once, and waits a moment for it to be typed. */
import { script } from "./text.ts"

export const message = script`
#!/bin/sh
# message.sh ID NUMBER BEFORE BYTES: the input is the text, typed after message BEFORE (0: none). Answers one line: typed |
# long-line LENGTH MOST | unreadable | pending | ended | absent | not-interactive. 71: the input was cut short.
# The text appears whole, once, under its number, and stays: however often and by whomever this is repeated, tty.pl types it once.
umask 077; d=$HOME/.signalbox/tasks/$1; n=$2; before=$3; m=$d/messages
answer() { printf '\n@signalbox\n%s\n@end\n' "$1"; exit 0; }
nap() { sleep 0.05 2>/dev/null || sleep 1; }
[ -d "$d/once" ] && [ ! -f "$d/never" ] || answer absent
[ -f "$d/interactive" ] || answer not-interactive
told() { [ -f "$m/$n.done" ] && read -r said <"$m/$n.done" && answer "$said"; }
over() { [ -f "$d/exit" ] || [ -f "$d/once/code" ]; }
told
if [ ! -f "$m/$n.text" ]; then
  over && answer ended
  mkdir -p "$m" && cat >"$m/$n.$$" || exit 70
  trap 'rm -f "$m/$n.$$"' EXIT
  [ "$(wc -c <"$m/$n.$$")" -eq "$4" ] || exit 71
  i=0; while [ "$before" != 0 ] && [ ! -f "$m/$before.text" ]; do over && answer ended; [ $i -lt 100 ] || answer pending; nap; i=$((i + 1)); done
  ln "$m/$n.$$" "$m/$n.text" 2>/dev/null || [ -f "$m/$n.text" ] || exit 70   # another may have been quicker: the text is the same
fi
i=0; while [ $i -lt 200 ]; do
  told
  if over; then told; answer ended; fi
  nap; i=$((i + 1))
done
answer pending
`
