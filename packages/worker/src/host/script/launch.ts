/** Prepares a task's directory from stdin and starts its runner in a detached tmux session. One exec. */
import { script } from "./text.ts"

export const launch = script`
#!/bin/sh
# launch.sh ID TOTAL [NAME BYTES]...: the input is the files, one after the other, TOTAL bytes in all.
# Answers, after a blank line and "@signalbox": "outcome launched|already|adopted", "boot UUID", a line of state.sh, "@end".
# 70 no workspace, 71 the input was cut short (nothing runs), 72 no tmux, 73 tmux failed, 74 not Linux, 75 no perl (interactive only). 78 (from the caller): no scripts.
umask 077; here=\${0%/*}; b=$HOME/.signalbox; a=$b/active/\${SIGNALBOX_LOG:?}; id=$1; d=$b/tasks/$id; total=$2; shift 2
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
mkdir -p "$d" "$a" "$b/tmux" || exit 70
[ -d "$d/once" ] && answer already
command -v tmux >/dev/null 2>&1 || exit 72
# All of the input first: the head of busybox reads past what it was asked for, so stdin cannot be cut up as it comes.
in=$d/in.$$; at=1; trap 'rm -f "$in"' EXIT
cat >"$in" || exit 70
[ "$(wc -c <"$in")" -eq "$total" ] || exit 71
if [ $# -eq 2 ]; then mv -f "$in" "$d/$1" || exit 70; shift 2; fi
while [ $# -gt 1 ]; do
  tail -c "+$at" "$in" | head -c "$2" >"$d/$1.$$" && mv -f "$d/$1.$$" "$d/$1" || exit 70
  at=$((at + $2)); shift 2
done
[ ! -f "$d/interactive" ] || perl -e 'use POSIX (); use Fcntl; use Config; use Time::HiRes' 2>/dev/null || exit 75
ln -sfn "../../tasks/$id" "$a/$id" || exit 70
export TMUX_TMPDIR="$b/tmux"
start() { tmux "$@" -L sbx -f "$here/tmux.conf" new-session -d -s "$id" -x 200 -y 50 -- /bin/sh "$here/run.sh" "$d" 2>&1 </dev/null; }
how=launched
# Mostly the server runs. -N (tmux 3.3) never starts one; an older tmux does not know it and takes the long way.
if ! said=$(start -N); then
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
