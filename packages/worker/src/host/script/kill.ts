/** Ends a task: TERM to its group, after a grace KILL to the group and to whatever left it. Also one that has not started. */
import { script } from "./text.ts"

export const kill = script`
#!/bin/sh
# kill.sh ID GRACE: GRACE is in tenths of a second. Answers "never-started" or a line of state.sh.
# A pid is signalled only when boot and start time are those of the task: after a reboot the number belongs to somebody else.
umask 077; here=\${0%/*}; b=$HOME/.signalbox; id=$1; grace=$2; d=$b/tasks/$id
read -r now </proc/sys/kernel/random/boot_id || exit 74
mkdir -p "$d" || exit 70
finish() { printf '\n@signalbox\n'; [ -n "\${1-}" ] && echo "$id $1" || printf '%s\n.\n' "$id" | /bin/sh "$here/state.sh" lines; echo @end; exit 0; }
nap() { sleep 0.1 2>/dev/null || sleep 1; }
[ -f "$d/exit" ] && finish
[ -f "$d/never" ] && finish never-started
# Whoever makes "once" decides: with it in our hands a late launch does nothing.
if mkdir "$d/once" 2>/dev/null; then : >"$d/never"; rm -f "$d/env" "$b/active/$id" "$b"/active/*/"$id"; finish never-started; fi
n=0; while [ ! -f "$d/pid" ] && [ ! -f "$d/exit" ] && [ $n -lt 20 ]; do nap; n=$((n + 1)); done
p= s= boot= r=; [ -f "$d/pid" ] && read -r p s boot r <"$d/pid"
[ -n "$p" ] && [ "$boot" != "$now" ] && finish
ours() { [ -n "$p" ] && [ -r "/proc/$p/stat" ] && read -r l <"/proc/$p/stat" && { set -- \${l##*) }; [ "\${20}" = "$s" ]; }; }
over() { n=0; while [ ! -f "$d/exit" ] && ours && [ $n -lt "$1" ]; do nap; n=$((n + 1)); done; }
marked() {  # every process with the task's mark in its environment; the runner has none of its own
  for f in /proc/[0-9]*/environ; do
    q=\${f#/proc/}; q=\${q%/environ}
    [ "$q" != "$r" ] && tr '\0' '\n' <"$f" 2>/dev/null | grep -qx "SIGNALBOX_TASK=$id" && kill -s "$1" "$q"
  done 2>/dev/null
}
# In dash "kill -TERM -- -N" is an illegal number; "kill -s TERM -- -N" works everywhere.
if ours; then kill -s TERM -- "-$p" 2>/dev/null; over "$grace"; fi
ours && kill -s KILL -- "-$p" 2>/dev/null
marked KILL
n=0; while [ ! -f "$d/exit" ] && [ $n -lt 20 ] && { ours || { [ -n "$r" ] && [ -d "/proc/$r" ]; }; }; do nap; n=$((n + 1)); done
finish
`
