/** Follows every task of one log in one process: the quick watcher. Perl, because perl-base is on every Debian. */
import { script } from "./text.ts"

export const watchPerl = script`
# watch.pl TICK: input "ID STREAM OFFSET" lines and a dot; output, for ever, for every task in active/$SIGNALBOX_LOG/:
#   P id pid…   D id stream offset length\nBYTES\n   T id stream size (truncated)   X id code time   . (each idle second)
use strict; use Time::HiRes qw(sleep time);
my $tick = shift || 0.1; my (%off, %told, %idle, $n, $dot); my $beat = 0;
my ($b, $log) = ("$ENV{HOME}/.signalbox", $ENV{SIGNALBOX_LOG} || exit 70); mkdir $_ for $b, "$b/active", "$b/active/$log"; chdir "$b/active/$log" or exit 70;
while (my $l = <STDIN>) { chomp $l; if ($l eq ".") { $dot = 1; last } my ($id, $s, $o) = split " ", $l; $off{"$id/$s"} = $o }
exit 71 unless $dot;
sub out { my ($d, $p) = (shift, 0); while ($p < length $d) { my $w = syswrite STDOUT, $d, length($d) - $p, $p; exit 0 unless $w; $p += $w } $beat = time }
sub line { open my $h, "<", shift or return; my $l = <$h>; $l } # the files appear by rename: whole or not at all
out("\n\@signalbox\n");
$beat = 0;
while (++$n) {
  opendir my $dh, "." or exit 70; my @ids = grep { !/^\./ } readdir $dh; closedir $dh;
  for my $id (@ids) {
    next if $told{$id} || $idle{$id}++ > 20 && ($n + ord substr $id, -1) % 4; # a quiet task is looked at every fourth time
    my ($end, $more, $l) = (-e "$id/exit", 0); # looked at before the output: X comes after the last byte
    if (!$told{"$id/pid"} && defined($l = line("$id/pid"))) { $told{"$id/pid"} = 1; out("P $id $l") }
    for my $s ("out", "err") {
      my $f = "$id/$s"; my $size = -s $f; next unless defined $size; my $o = $off{$f} // 0;
      if ($size < $o) { out("T $id $s $size\n"); $o = $off{$f} = 0 }
      next if $size == $o;
      open my $h, "<:raw", $f or next; sysseek $h, $o, 0; my $got = sysread $h, my $buf, 262144; next unless $got;
      out("D $id $s $o $got\n$buf\n"); $off{$f} = $o + $got; $idle{$id} = 0; $more = 1 if $off{$f} < $size;
    }
    if ($end && !$more && defined($l = line("$id/exit"))) { $told{$id} = 1; out("X $id $l") }
  }
  out(".\n") if time - $beat >= 1; sleep $tick;
}
`
