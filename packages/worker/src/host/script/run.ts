/** The runner: what tmux starts. Everything true about a run is in the files it leaves. */
import { script } from "./text.ts"

export const run = script`
#!/bin/sh
# run.sh DIR, or run.sh PIPE wait: run the text in DIR/command and leave the truth in files. What a person wrote is only ever in files.
# From PIPE comes DIR, when its files are there, and then "go": what can be done before is done in between. Whoever holds the pipe ends us with it.
# What is needed after the person's environment was read has a name that is not in it.
# in: command [stdin] [env] [cwd] [merge] [interactive]     out: out [err] pid exit
d=$1 sbx_late=
umask 077
put() { printf '%s\n' "$2" >"$d/$1.tmp" && { [ "$1" = pid ] || sync "$d/$1.tmp" 2>/dev/null; mv -f "$d/$1.tmp" "$d/$1"; }; } # a pid is worth nothing after a power cut
begin() {                                       # false: not to be run by us. A second launch of the same task does nothing, nor one after a kill
  [ -z "$sbx_name" ] || { read -r l <&5 && [ "$l" = go ]; } || return 1
  mkdir "$d/once" 2>/dev/null || return 1
  echo "$1 $boot" >"$d/once/runner"             # until there is a pid, this tells whether it still can come
}
child() {                                       # the leader of the command's own process group, a fork without an exec
  r=$1; read -r boot </proc/sys/kernel/random/boot_id; read -r l </proc/self/stat
  p=\${l%% *}; set -- \${l##*) }; l="$p \${20} $boot $r" # pid = group, start time, boot, runner
  SIGNALBOX_TASK=\${d##*/}; export SIGNALBOX_TASK # finds processes that leave the group
  if [ -z "$sbx_late" ]; then put pid "$l"
  else
    echo "$l" >"$d/pid.$p"
    # Where perl is, what follows the word are system calls of the same process and no programs. It sees nothing that a person wrote.
    if [ ! -f "$d/env" ] && [ -z "\${PERL5OPT-}\${PERL_BADLANG-}" ] && command -v perl >/dev/null; then
      PERL_BADLANG=0 exec perl -e 'my ($d, $r, $boot) = @ARGV; my $f = "$d/pid.$$"; open my $o, "<&=", 5 or exit 1; my $l = <$o>; close $o;
        if (!defined $l || $l ne "go\n" || !mkdir "$d/once") { unlink $f; exit }
        if (open my $h, ">", "$d/once/runner") { print $h "$r $boot\n"; close $h }
        rename $f, "$d/pid"; delete $ENV{PERL_BADLANG}; exec "/bin/sh", "$d/command" or exit 126' "$d" "$r" "$boot"
    fi
    begin "$r" || { rm -f "$d/pid.$p"; exit; }
    mv -f "$d/pid.$p" "$d/pid"
    [ ! -f "$d/env" ] || rm -f "$d/env"
    exec 5<&-
  fi
  exec /bin/sh "$d/command"
}
[ "\${2-}" = child ] && child "$3"
sbx_name=
mine() { r=; [ -f "$d/once/runner" ] && read -r r x <"$d/once/runner"; [ "$r" = $$ ]; }
if [ "\${2-}" = wait ]; then
  exec 5<"$1" 6<"\${1%/*}/named"; read -r d <&5 || exit 0; sbx_name=\${d##*/} # nobody will come: end
  # The session was made before its task was known: it gets the name when the launcher has seen it begin, or is gone. By a grandchild, of which this shell knows nothing.
  ( { read -r x; mine && tmux rename-session "$sbx_name"; } <&6 >/dev/null 2>&1 5<&- & )
  exec 6<&-
fi
trap '' HUP                                     # tmux may die, the task must not (the command inherits this, like nohup)
read -r boot </proc/sys/kernel/random/boot_id
if [ -n "$sbx_name" ] && [ ! -f "$d/interactive" ]; then sbx_late=1; else begin $$ || exit 0; fi
in=/dev/null; [ -f "$d/stdin" ] && in=$d/stdin
if [ -f "$d/interactive" ]; then exec 3>&1 >>"$d/out" 2>&1
elif [ -f "$d/merge" ]; then exec >>"$d/out" 2>&1; else exec >>"$d/out" 2>>"$d/err"; fi
unset TMUX TMUX_PANE CDPATH
# An ssh command has no login shell's PATH: where people's tools usually are comes last, so that nothing is shadowed.
PATH=$PATH:$HOME/.local/bin:$HOME/bin:/usr/local/bin; export PATH
[ -f "$d/env" ] && { . "$d/env"; [ -n "$sbx_late" ] || rm -f "$d/env"; }
if [ -f "$d/cwd" ]; then
  c=$(cat "$d/cwd"); case $c in "~") c=$HOME ;; "~/"*) c=$HOME/\${c#??} ;; esac
  if ! { [ -n "$sbx_late" ] && cd "$c" 2>/dev/null; }; then # before it may run a task says nothing
    if [ -n "$sbx_late" ]; then begin $$ || exit 0; sbx_late=; [ ! -f "$d/env" ] || rm -f "$d/env"; fi
    cd "$c" || { put exit "126 $(date +%s)"; exit; }
  fi
fi
if [ -f "$d/interactive" ]; then                # a terminal of its own; without a code the terminal itself was killed, and nobody knows
  perl "\${0%/*}/tty.pl" "$d" $$ >&3 3>&- 5<&-
  if [ -f "$d/once/code" ]; then read -r code <"$d/once/code"; put exit "$code $(date +%s)"
  elif [ -f "$d/pid" ]; then read -r p s <"$d/pid"; kill -s KILL -- "-$p"; fi
  exit
fi
set -m                                          # a process group of its own; dash needs the terminal that tmux gives
(child $$) <"$in" &
set +m                                          # or dash would touch the terminal later, and die when tmux is gone
exec 5<&-
wait $!; code=$?                                # nothing may fork before this wait: dash would forget the status and say 127
[ -z "$sbx_late" ] || mine || exit 0            # it was not ours to run
put exit "$code $(date +%s)"
`
