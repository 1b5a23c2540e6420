/** The runner: what tmux starts. Everything true about a run is in the files it leaves. */
import { script } from "./text.ts"

export const run = script`
#!/bin/sh
# run.sh DIR, or run.sh PIPE wait (DIR is the first line that comes): run the text in DIR/command and leave the truth in files. What a person wrote is only ever in files.
# in: command [stdin] [env] [cwd] [merge] [interactive]     out: out [err] pid exit
d=$1
umask 077
put() { printf '%s\n' "$2" >"$d/$1.tmp" && { [ "$1" = pid ] || sync "$d/$1.tmp" 2>/dev/null; mv -f "$d/$1.tmp" "$d/$1"; }; } # a pid is worth nothing after a power cut
child() {                                       # the leader of the command's own process group, a fork without an exec
  r=$1; read -r boot </proc/sys/kernel/random/boot_id; read -r l </proc/self/stat
  p=\${l%% *}; set -- \${l##*) }; put pid "$p \${20} $boot $r" # pid = group, start time, boot, runner
  SIGNALBOX_TASK=\${d##*/}; export SIGNALBOX_TASK # finds processes that leave the group
  exec /bin/sh "$d/command"
}
[ "\${2-}" = child ] && child "$3"
name=
if [ "\${2-}" = wait ]; then read -r d <"$1" || exit 0; name=\${d##*/}; fi # nobody will come: end
trap '' HUP                                     # tmux may die, the task must not (the command inherits this, like nohup)
mkdir "$d/once" 2>/dev/null || exit 0           # a second launch of the same task does nothing, nor one after a kill
read -r boot </proc/sys/kernel/random/boot_id; echo "$$ $boot" >"$d/once/runner" # until there is a pid, this tells whether it still can come
in=/dev/null; [ -f "$d/stdin" ] && in=$d/stdin
if [ -f "$d/interactive" ]; then exec 3>&1 >>"$d/out" 2>&1
elif [ -f "$d/merge" ]; then exec >>"$d/out" 2>&1; else exec >>"$d/out" 2>>"$d/err"; fi
# The session was made before its task was known. A grandchild, of which this shell knows nothing.
[ -z "$name" ] || (tmux rename-session "$name" </dev/null >/dev/null 2>&1 3>&- &)
unset TMUX TMUX_PANE CDPATH
# An ssh command has no login shell's PATH: where people's tools usually are comes last, so that nothing is shadowed.
PATH=$PATH:$HOME/.local/bin:$HOME/bin:/usr/local/bin; export PATH
[ -f "$d/env" ] && { . "$d/env"; rm -f "$d/env"; }
if [ -f "$d/cwd" ]; then
  c=$(cat "$d/cwd"); case $c in "~") c=$HOME ;; "~/"*) c=$HOME/\${c#??} ;; esac
  cd "$c" || { put exit "126 $(date +%s)"; exit; }
fi
if [ -f "$d/interactive" ]; then                # a terminal of its own; without a code the terminal itself was killed, and nobody knows
  perl "\${0%/*}/tty.pl" "$d" $$ >&3 3>&-
  if [ -f "$d/once/code" ]; then read -r code <"$d/once/code"; put exit "$code $(date +%s)"
  elif [ -f "$d/pid" ]; then read -r p s <"$d/pid"; kill -s KILL -- "-$p"; fi
  exit
fi
set -m                                          # a process group of its own; dash needs the terminal that tmux gives
(child $$) <"$in" &
set +m                                          # or dash would touch the terminal later, and die when tmux is gone
wait $!; code=$?                                # nothing may fork before this wait: dash would forget the status and say 127
put exit "$code $(date +%s)"
`
