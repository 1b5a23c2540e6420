/**
 * Follows every task of one log in one process: the quick watcher. Perl, because perl-base is on every Debian.
 *
 * The kernel says which tasks wrote (inotify, by its number: perl-base has no module for it), so that hundreds of quiet tasks cost
 * nothing. Where it does not (an unknown machine, a limit, a file system that tells nothing), tasks are looked at in turn.
 */
import { script } from "./text.ts"

export const watchPerl = script`
# watch.pl TICK [look]: input "ID STREAM OFFSET" lines and a dot; output, for ever, for every task in active/$SIGNALBOX_LOG/:
#   P id pid…   D id stream offset length\nBYTES\n   T id stream size (truncated)   X id code time   . (each idle second)
use strict; use Config; use Time::HiRes qw(sleep time);
my $tick = shift || 0.1; my $only = shift; my (%off, %told, %idle, $n, $dot); my $beat = 0; my $said = "";
my ($b, $log) = ("$ENV{HOME}/.signalbox", $ENV{SIGNALBOX_LOG} || exit 70); mkdir $_ for $b, "$b/active", "$b/active/$log"; chdir "$b/active/$log" or exit 70;
while (my $l = <STDIN>) { chomp $l; if ($l eq ".") { $dot = 1; last } my ($id, $s, $o) = split " ", $l; $off{"$id/$s"} = $o }
exit 71 unless $dot;
sub flush { my $p = 0; while ($p < length $said) { my $w = syswrite STDOUT, $said, length($said) - $p, $p; exit 0 unless $w; $p += $w } $said = "" }
sub out { $said .= shift; $beat = time; flush() if length $said > 262144 } # one write for all that a round finds
sub line { open my $h, "<", shift or return; my $l = <$h>; $l } # the files appear by rename: whole or not at all
sub look { # true: there is more
  my $id = shift; my ($end, $more, $l) = (-e "$id/exit", 0); # looked at before the output: X comes after the last byte
  if (!$told{"$id/pid"} && defined($l = line("$id/pid"))) { $told{"$id/pid"} = 1; out("P $id $l") }
  for my $s ("out", "err") {
    my $f = "$id/$s"; my $size = -s $f; next unless defined $size; my $o = $off{$f} // 0;
    if ($size < $o) { out("T $id $s $size\n"); $o = $off{$f} = 0 }
    next if $size == $o;
    open my $h, "<:raw", $f or next; sysseek $h, $o, 0; my $got = sysread $h, my $buf, 262144; next unless $got;
    out("D $id $s $o $got\n$buf\n"); $off{$f} = $o + $got; $idle{$id} = 0; $more = 1 if $off{$f} < $size;
  }
  if ($end && !$more && defined($l = line("$id/exit"))) { $told{$id} = 1; out("X $id $l") }
  return $more;
}
# inotify_init1, _add_watch, _rm_watch by number. Perl's own machine counts, not the kernel's.
my ($init, $add, $rm) = $Config{archname} =~ /^x86_64-linux(?!.*x32)/ ? (294, 254, 255) : $Config{archname} =~ /^(aarch64|riscv64)-linux/ ? (26, 27, 28) : ();
my ($news, %dir, %seen); # seen: tasks that the kernel tells of
sub eye { my ($d, $mask) = @_; my $p = "$d/."; my $w = syscall $add, fileno $news, $p, $mask; return if $w < 0; $dir{$w} = $d; $seen{$d} = $w }
sub heard { # what has changed since; undef: more than it could tell
  my (%hot, $lost);
  while (sysread $news, my $b, 65536) {
    for (my $p = 0; $p < length $b;) {
      my ($w, $mask, undef, $len) = unpack "iIII", substr $b, $p, 16; $p += 16 + $len;
      $lost = 1 if $mask & 0x4000; my $d = $dir{$w}; next unless defined $d;
      if ($mask & 0x8000) { delete $dir{$w}; delete $seen{$d} } else { $hot{$d} = 1 } # 0x8000: the directory is gone
    }
  }
  return $lost ? undef : \%hot;
}
# 0x2 written to, 0x80 moved to, 0x100 made. "look" does without it. Believed only when it tells of what is done here and now.
if (!$only && $init && (my $fd = syscall $init, 0x80800) >= 0) { # not waiting, closed on exec
  my $try = ".try.$$"; open $news, "<&=", $fd; binmode $news; mkdir $try; # no task has a dot
  my $ok = eye(".", 0x180) && eye($try, 0x182); if (open my $h, ">", "$try/x") { syswrite $h, "x"; close $h }
  my $told = heard(); $ok &&= $told && $told->{$try}; unlink "$try/x"; rmdir $try; heard();
  if (!$ok) { close $news; undef $news; %seen = () }
}
out("\n\@signalbox\n"); flush(); $beat = 0;
my (@ids, @blind, $hot, %again); my $all = 0;
while (++$n) {
  my $whole = !$hot || time - $all > 4; # once in a while all are looked at, whatever was told
  if ($whole || $hot->{"."}) {
    opendir my $dh, "." or exit 70; @ids = grep { !/^\./ && !$told{$_} } readdir $dh; closedir $dh; $hot ||= {};
    if ($news) { for my $id (@ids) { $again{$id} = 1 if !$seen{$id} && eye($id, 0x182) } } # eyed before it is looked at
    @blind = grep { !$seen{$_} } @ids; if ($whole && $news) { $all = time; $again{$_} = 1 for @ids }
  }
  my %more; delete $hot->{"."};
  for my $id (@blind) { # a quiet task is looked at every fourth time
    $more{$id} = 1 if !$told{$id} && !($idle{$id}++ > 20 && ($n + ord substr $id, -1) % 4) && look($id);
  }
  for my $id (keys %{{ %$hot, %again }}) {
    next unless $seen{$id} && !$told{$id}; $more{$id} = 1 if look($id);
    if ($told{$id}) { my $w = delete $seen{$id}; delete $dir{$w}; syscall $rm, fileno $news, $w }
  }
  %again = %more; out(".\n") if time - $beat >= 1; flush(); sleep $tick;
  if (!$news) { undef $hot; next }
  if (!@blind && !%again) { my $r = ""; vec($r, fileno $news, 1) = 1; select $r, undef, undef, 1 } # until there is news
  $hot = heard();
}
`
