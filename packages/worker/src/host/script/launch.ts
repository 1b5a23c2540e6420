/** Prepares a task's directory from stdin and starts its runner in a detached tmux session. One exec. */
import { script } from "./text.ts"

export const launch = script`
#!/bin/sh
# launch.sh ID TOTAL [NAME BYTES]...: the input is the files, one after the other, TOTAL bytes in all.
# launch.sh alone stands by: it says "@standing", answers "here N" with "@here N", takes these words as a line of its input and then
# the files (or, where the words begin with "=", one line that has each that is not empty as a word for printf), says "@staged" when
# nothing is missing but a last line "go", and without that one starts nothing. Where a tmux server runs, a runner stands by with
# it, in a session that takes the task's name when it has begun.
# Answers, after a blank line and "@signalbox": "outcome launched|already|adopted", "boot UUID", a line of state.sh, "@end".
# 70 no workspace, 71 the input was cut short (nothing runs), 72 no tmux, 73 tmux failed, 74 not Linux, 75 no perl (interactive only). 78 (from the caller): no scripts.
umask 077; here=\${0%/*}; b=$HOME/.signalbox; a=$b/active/\${SIGNALBOX_LOG:?}
# A task that starts Signalbox again must not lend its mark to the tmux server, or its kill would end every other task.
unset SIGNALBOX_LOG SIGNALBOX_TASK SIGNALBOX_CALL TMUX TMUX_PANE
answer() {
  printf '\n@signalbox\noutcome %s\nboot %s\n' "$1" "$boot"
  set -- lines
  . "$here/state.sh" <<END
$id
.
END
  echo @end; exit 0
}
read -r boot </proc/sys/kernel/random/boot_id || exit 74
command -v tmux >/dev/null 2>&1 || exit 72
export TMUX_TMPDIR="$b/tmux"; stood=; runner=; inline=; w=
if [ $# -eq 0 ]; then
  for w in "$b"/standby.[0-9]*; do [ -d "$w" ] && [ ! -d "/proc/\${w##*.}" ] && rm -rf "$w"; done
  w=$b/standby.$$; mkdir -p "$b/tasks" "$a" "$b/tmux" "$w" || exit 70
  trap 'rm -rf "$w"' EXIT; trap 'exit 0' HUP INT TERM
  # The runner waits for lines on 4, or for its end: that is ours, however we end. The end of 6 tells it to name its session. Nobody else may hold them.
  mkfifo "$w/order" "$w/named" && exec 4<>"$w/order" 6<>"$w/named" && tmux -N -L sbx new-session -d -s "standby-$$" -x 200 -y 50 -- /bin/sh "$here/run.sh" "$w/order" wait </dev/null >/dev/null 2>&1 4>&- 6>&- && runner=1
  printf '\n@standing\n'
  while :; do read -r words || exit 0; case $words in "here "*) echo "@$words" ;; *) break ;; esac; done
  set -f; set -- $words; set +f; stood=1; [ "$1" != = ] || { inline=1; shift; }; [ $# -ge 2 ] || exit 71
fi
id=$1; d=$b/tasks/$id; total=$2; shift 2
[ -d "$d/once" ] && answer already
if [ -n "$stood" ]; then [ -d "$d" ] || mkdir "$d" 2>/dev/null || [ -d "$d" ]; else mkdir -p "$d" "$a" "$b/tmux"; fi || exit 70
# All of the input first: the head of busybox reads past what it was asked for, so stdin cannot be cut up as it comes.
in=$d/in.$$; at=1; trap 'rm -rf "$in" "$w"' EXIT
words=
if [ -n "$inline" ]; then read -r words || exit 71
elif [ -n "$stood" ]; then # as much as was announced: what follows comes only when "@staged" was said, so nothing is read past it
  got=$({ head -c "$total" | tee "$in" || echo; } 4>&- | wc -c 4>&-)
else got=$({ tee "$in" || echo; } | wc -c); fi # counted while it comes; what cannot be written is counted wrong
if [ -z "$inline" ] && [ "$got" -ne "$total" ]; then [ "$(wc -c <"$in")" -eq "$got" ] && exit 71; exit 70; fi
ln -sfn "../../tasks/$id" "$a/$id" 4>&- & link=$!
while [ $# -gt 1 ]; do
  if [ "$2" -eq 0 ]; then printf '' >"$d/$1" || exit 70
  elif [ -n "$inline" ]; then
    one=\${words%% *}; words=\${words#* }; set -C # what another launch has put there is only ever replaced whole
    if printf "$one" 2>/dev/null >"$d/$1"; then set +C
    else set +C; printf "$one" >"$d/$1.$$" && mv -f "$d/$1.$$" "$d/$1" || exit 70; fi
  elif [ "$2" -eq "$total" ]; then mv -f "$in" "$d/$1" || exit 70
  else tail -c "+$at" "$in" | head -c "$2" >"$d/$1.$$" && mv -f "$d/$1.$$" "$d/$1" || exit 70; fi
  at=$((at + $2)); shift 2
done
wait $link || exit 70
[ ! -f "$d/interactive" ] || perl -e 'use POSIX (); use Fcntl; use Config; use Time::HiRes' 2>/dev/null || exit 75
if [ -n "$stood" ]; then
  [ -z "$runner" ] || echo "$d" >&4 # it does what can be done before
  printf '\n@staged\n'; read -r go && [ "$go" = go ] || exit 71
fi
# Whoever makes "once" runs it, and that is seen. A runner that is gone (its tmux server was ended) is not waited for.
if [ -n "$runner" ]; then
  echo go >&4; n=0; while [ ! -d "$d/once" ] && [ $n -lt 50 ]; do sleep 0.01 2>/dev/null || sleep 1; n=$((n + 1)); done
fi
exec 4>&- 6>&- # a tmux server that is started below must not have it
start() { tmux "$@" -L sbx -f "$here/tmux.conf" new-session -d -s "$id" -x 200 -y 50 -- /bin/sh "$here/run.sh" "$d" 2>&1 </dev/null; }
how=launched
# Mostly the server runs. -N (tmux 3.3) never starts one; an older tmux does not know it and takes the long way.
if [ -n "$runner" ] && [ -d "$d/once" ]; then :
elif ! said=$(start -N); then
  case $said in
    *"duplicate session"*) how=adopted ;;
    *)
      # Who starts the server decides whether tasks survive a logout: with linger the user's own scope, without it this session.
      if ! tmux -L sbx has-session 2>/dev/null; then
        s=; [ "$(id -u)" != 0 ] && [ "$(loginctl show-user "$(id -un)" -p Linger --value 2>/dev/null)" = yes ] && s="systemd-run --user --scope --quiet --collect --"
        $s tmux -L sbx -f "$here/tmux.conf" start-server </dev/null >/dev/null 2>&1
      fi
      said=$(start) || case $said in *"duplicate session"*) how=adopted ;; *) printf '%s\n' "$said" >&2; exit 73 ;; esac ;;
  esac
fi
# The answer names the process: wait for it, a moment. "starting" afterwards is true as well.
n=0; while [ ! -f "$d/pid" ] && [ ! -f "$d/exit" ] && [ $n -lt 100 ]; do sleep 0.01 2>/dev/null || sleep 1; n=$((n + 1)); done
answer $how
`
