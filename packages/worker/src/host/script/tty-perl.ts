/**
 * The terminal of an interactive task: it belongs to the task, not to tmux. Perl, because perl-base is on every Debian.
 *
 * Output goes to `out` byte for byte and to the tmux pane as long as there is one; keys of the pane and messages go in. So the end
 * of tmux ends nothing, no byte waits in somebody else's buffer when the exit code is written, and a message is typed by the
 * one process that knows what it has typed.
 */
import { script } from "./text.ts"

export const ttyPerl = script`
# tty.pl DIR RUNNER: runs "run.sh DIR child RUNNER" on a terminal of its own and leaves its exit code in DIR/once/code.
# Messages: N.text appears whole in DIR/messages and stays; N.done follows: "typed", "ended", or why it was not.
use strict; use Fcntl; use POSIX (); use Config; use Errno; use Time::HiRes qw(time);
my ($d, $runner) = @ARGV; my ($here) = $0 =~ m{^(.*)/}; my $end = "$d/messages";
sub stop { if (open my $h, ">>", "$d/out") { print $h "signalbox: no terminal could be made: $_[0]\n" } code(126); exit 0 }
sub put { my ($f, $t) = @_; open my $h, ">", "$f.tmp" or return; print $h "$t\n"; close $h; rename "$f.tmp", $f }
sub code { put("$d/once/code", $_[0]) }
# Numbers of Linux requests; the old architectures have their own.
my ($gptn, $sptlck, $gsize, $ssize) = $Config{archname} =~ /^(?:ppc|powerpc|mips|sparc|alpha)/
  ? (0x40045430, 0x80045431, 0x40087468, 0x80087467) : (0x80045430, 0x40045431, 0x5413, 0x5414);
my $n = pack "i", 0;
sysopen my $m, "/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK or stop("/dev/ptmx: $!");
ioctl $m, $sptlck, $n and ioctl $m, $gptn, $n or stop("$!");
my $pts = "/dev/pts/" . unpack "i", $n;
sysopen my $s, $pts, O_RDWR | O_NOCTTY or stop("$pts: $!"); # held open: a program that closes its own does not end the reading
sysopen my $out, "$d/out", O_WRONLY | O_APPEND | O_CREAT, 0600 or stop("out: $!");
my $size = pack "S4", 50, 200, 0, 0;
sub resize { my $now = pack "S4", 0, 0, 0, 0; ioctl STDIN, $gsize, $now; $size = $now if (unpack "S4", $now)[0]; ioctl $m, $ssize, $size }
resize(); my $resized = 0; $SIG{WINCH} = sub { $resized = 1 };
# The task's terminal begins as tmux made its own; that one only hands bytes on from here.
my $t = POSIX::Termios->new;
if (defined $t->getattr(0)) {
  $t->setattr(fileno $s, POSIX::TCSANOW());
  $t->setiflag(0); $t->setoflag($t->getoflag & ~POSIX::OPOST()); $t->setlflag(0); $t->setcc(POSIX::VMIN(), 1); $t->setcc(POSIX::VTIME(), 0);
  $t->setattr(0, POSIX::TCSANOW());
}
$SIG{CHLD} = sub {};
my $pid = fork; defined $pid or stop("$!");
if (!$pid) {
  POSIX::setsid(); close STDIN;
  open STDIN, "+<", $pts and open STDOUT, ">&STDIN" and open STDERR, ">&STDIN" or POSIX::_exit(126); # the first becomes the session's own
  $SIG{CHLD} = "DEFAULT"; exec "/bin/sh", "$here/run.sh", $d, "child", $runner; POSIX::_exit(126);
}
$SIG{PIPE} = "IGNORE"; # after the fork: the command has a right to its SIGPIPE
fcntl $_, F_SETFL, fcntl($_, F_GETFL, 0) | O_NONBLOCK for \*STDIN, \*STDOUT;
my ($keys, $show, $in, $seen, $paste, $tail, $status) = (1, 1, "", "", 0, "");
my ($now, $enter, $typing, %taken);
sub ended { $status = $? if !defined $status && waitpid($pid, POSIX::WNOHANG()) == $pid; defined $status }
sub gone { !$!{EAGAIN} && !$!{EINTR} }
sub took { # what the task wrote: to the file first; a full disk stops the task and loses nothing while it lives
  my $b = shift; my $p = 0;
  while ($p < length $b) { my $w = syswrite $out, $b, length($b) - $p, $p; if ($w) { $p += $w } elsif (ended()) { return } else { select undef, undef, undef, 0.5 } }
  $seen .= $b if $show;
  $tail .= $b; $paste = $1 eq "h" while $tail =~ /\e\[\?(?:[0-9]+;)*2004(?:;[0-9]+)*([hl])/g; $tail = substr $tail, -32 if length $tail > 32;
}
sub limit { # of one line, when the terminal collects lines (a program that reads keys has none)
  my $a = POSIX::Termios->new; defined $a->getattr(fileno $m) or return 0; $a->getlflag & POSIX::ICANON() ? 4095 : 0
}
sub message { # one at a time, the oldest first
  return if defined $typing || length $in;
  opendir my $h, $end or return; my ($f) = sort { $a <=> $b } grep { !$taken{$_} } map { /^([0-9]+)\.text$/ ? $1 : () } readdir $h; closedir $h;
  return unless defined $f;
  $taken{$f} = 1; open my $file, "<:raw", "$end/$f.text" or return put("$end/$f.done", "unreadable"); local $/; my $text = <$file>; $text = "" unless defined $text;
  my $most = limit(); my ($long) = grep { $most && length > $most } split /\n/, $text;
  return put("$end/$f.done", "long-line " . length($long) . " $most") if defined $long;
  # As a terminal types: Return between lines; in one piece for a program that asked to be told of pastes.
  $text =~ s/\n/\r/g; $text = "\e[200~$text\e[201~" if $paste && $text =~ /\r|.{1000}/s;
  $in .= $text; $typing = $f; $enter = $most ? 0 : 0.15; # some agents take an Enter that follows at once for part of a paste
}
my $looked = 0; my $after;
until (ended()) {
  if ($resized) { $resized = 0; resize() }
  $now = time; if ($now - $looked >= 0.1) { $looked = $now; message() }
  if (defined $typing && !length $in) {
    if (defined $enter) { $after = $now + $enter unless defined $after; if ($now >= $after) { $in = "\r"; undef $enter; undef $after } }
    else { put("$end/$typing.done", "typed"); undef $typing }
  }
  my ($r, $w) = ("", ""); my ($fm, $fo) = (fileno $m, 1);
  vec($r, $fm, 1) = 1 if length $seen < 262144;
  vec($r, 0, 1) = 1 if $keys && length $in < 65536 && !defined $typing;
  vec($w, $fm, 1) = 1 if length $in; vec($w, 1, 1) = 1 if $show && length $seen;
  select($r, $w, undef, 0.1) > 0 or next;
  if (vec $r, $fm, 1) { my $g = sysread $m, my $b, 65536; took($b) if $g }
  if (vec $r, 0, 1) { my $g = sysread STDIN, my $b, 4096; if ($g) { $in .= $b } elsif (defined $g || gone()) { $keys = 0 } }
  if (vec $w, $fm, 1) { my $g = syswrite $m, $in; substr $in, 0, $g, "" if $g }
  if (vec $w, 1, 1) { my $g = syswrite STDOUT, $seen; if ($g) { substr $seen, 0, $g, "" } elsif (gone()) { $show = 0; $seen = "" } }
}
# Everything written before the end is there to be read now: the kernel hands it over before it says "nothing more".
while (my $g = sysread $m, my $b, 65536) { took($b) }
# A program may read the last key and end before that is noticed here: what was typed is said so before the code.
put("$end/$typing.done", length $in || defined $enter ? "ended" : "typed") if defined $typing;
code(POSIX::WIFSIGNALED($status) ? 128 + POSIX::WTERMSIG($status) : POSIX::WEXITSTATUS($status));
`
