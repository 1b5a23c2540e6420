# What the fake tools share. Only perl's core language and coreutils: hosts of the test fleet have no modules and no node.
#
# A prompt switches behaviour by marks in it; the variable FAKE_TOOL may hold marks, too:
#   [[fail]]     the run fails, as the vendor's tool tells it        [[exit N]]   ends with this exit code
#   [[wait]]     asks a person, then waits until it is killed        [[wait N]]   the same, but goes on after N seconds
#   [[slow N]]   takes N seconds, one message a second               [[lines N]]  N lines of output
#   [[cost X]]   costs X dollars (default 0.0123)                    [[raw TEXT]] prints TEXT as a line of its own
# The answer tells "sha256:HEX bytes:N" of the prompt that arrived. FAKE_TOOL_RECORD names a file that gets argv and prompt.
use strict; use warnings;
$| = 1; binmode STDIN; binmode STDOUT; binmode STDERR;
our ($tool) = $0 =~ m{([^/]*)$};
our $home = $ENV{FAKE_TOOL_HOME} || ($ENV{HOME} || "/tmp") . "/.fake-tools";

sub stop { my ($code, $text) = @_; print STDERR "$text\n" if defined $text; exit $code }

# options(\@argv, name => 'bool' | 'value' | 'list', ...): (\%options, \@words); calls $unknown for what the tool does not know
sub options {
  my ($argv, $unknown, %spec) = @_; my (%have, @words);
  while (@$argv) {
    my $arg = shift @$argv;
    if ($arg eq '--') { push @words, @$argv; last }
    if ($arg !~ /^-./) { push @words, $arg; next }
    my ($name, $value) = $arg =~ /^(--?[^=]+)(?:=(.*))?$/s;
    my $kind = $spec{$name}; $unknown->($name, $arg) unless $kind;
    if ($kind =~ /^-/) { $name = $kind; $kind = $spec{$name} }            # an alias
    if ($kind eq 'bool') { $have{$name} = 1; next }
    $value = shift @$argv unless defined $value;
    $unknown->($name, "$arg without a value") unless defined $value;
    if ($kind eq 'list') { push @{ $have{$name} }, $value } else { $have{$name} = $value }
  }
  return (\%have, \@words);
}

sub slurp { local $/; my $all = <STDIN>; return defined $all ? $all : "" }

sub sha { my ($bytes) = @_;
  my $file = ($ENV{TMPDIR} || "/tmp") . "/fake-$tool-$$";
  open my $out, '>', $file or die "$file: $!"; binmode $out; print $out $bytes; close $out;
  my ($hex) = `sha256sum < '$file'` =~ /^([0-9a-f]{64})/; unlink $file; return $hex }

sub js { my ($s) = @_; $s =~ s/([\\"])/\\$1/g; $s =~ s/\n/\\n/g; $s =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge; return "\"$s\"" }

sub uuid { return join "-", map { join "", map { sprintf "%x", int rand 16 } 1 .. $_ } 8, 4, 4, 4, 12 }

sub mark { my ($prompt, $name) = @_; my $all = $prompt . ($ENV{FAKE_TOOL} || "");
  return $all =~ /\[\[\Q$name\E(?:[ ]([^\]]*))?\]\]/ ? (defined $1 && $1 ne "" ? $1 : "yes") : undef }

sub arrived { my ($prompt, @argv) = @_;
  if (my $file = $ENV{FAKE_TOOL_RECORD}) {
    open my $out, '>>', $file or die "$file: $!";
    print $out "{\"tool\":" . js($tool) . ",\"argv\":[" . join(",", map { js($_) } @argv) . "],\"bytes\":" . length($prompt) . ",\"sha256\":\"" . sha($prompt) . "\"}\n" }
  return "sha256:" . sha($prompt) . " bytes:" . length($prompt) }

# Sessions: a file per id that counts its turns.
sub session_file { my ($id) = @_; $id =~ s/[^A-Za-z0-9_.-]/_/g; return "$home/$tool/$id" }
sub session_known { return -e session_file($_[0]) }
sub session_turn { my ($id) = @_; my $file = session_file($id);
  (my $dir = $file) =~ s{/[^/]*$}{}; my $at = ""; for my $part (split m{/}, $dir) { $at .= "$part/"; mkdir $at }
  my $turn = 0; if (open my $in, '<', $file) { $turn = <$in>; close $in }
  open my $out, '>', $file or die "$file: $!"; print $out ++$turn; close $out; return $turn }

# work(\&say): what the marks ask for while it runs
sub work { my ($prompt, $say) = @_;
  if (my $n = mark($prompt, "lines")) { $say->("line $_ of $n: grüße, 世界 🚂") for 1 .. $n }
  if (my $n = mark($prompt, "slow"))  { for my $i (1 .. $n) { $say->("second $i of $n"); select undef, undef, undef, 1 } }
  if (my $t = mark($prompt, "raw"))   { print "$t\n" } }

sub pause { my ($n) = @_; if ($n eq "yes") { sleep 1 while 1 } else { select undef, undef, undef, $n } }
sub leave { my ($prompt, $code) = @_; my $n = mark($prompt, "exit"); exit(defined $n ? $n : $code) }
sub cost { my $x = mark($_[0], "cost"); return !defined $x || $x eq "yes" ? "0.0123" : $x }
sub version { print "$_[0]\n"; exit 0 }
sub is_uuid { return $_[0] =~ /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i }
1;
