# SPDX-License-Identifier: BSD-3-Clause
# What "report" and "poolreport" have in common: figures by contestant and
# round, their medians, targets and how they are met; the machine.

package Figures;
use strict;
use warnings;
use Encode qw(decode);
use Exporter 'import';
use JSON::PP;
use List::Util qw(max);
use POSIX qw(strftime uname);

our @EXPORT = qw(add_figure contestants by_round figure ratio per_round rounds
  judge verdict about origin print_about cell bound_text print_targets write_file
  write_results);

my %value;                      # {contestant}{figure}{round}
my $rounds = 0;                 # the most that any figure has

# Reckoning.

sub summary {
  my @sorted = sort { $a <=> $b } @_;
  return undef unless @sorted;
  my $half = @sorted / 2;
  my $median = @sorted % 2 ? $sorted[$half]
                           : ($sorted[$half - 1] + $sorted[$half]) / 2;
  return { median => $median, min => $sorted[0], max => $sorted[-1],
    rounds => scalar @sorted };
}

# NAME's FIGURE was NUMBER in ROUND.
sub add_figure {
  my ($name, $figure, $round, $number) = @_;
  $value{$name}{$figure}{$round} = $number;
  my $n = keys %{ $value{$name}{$figure} };
  $rounds = $n if $n > $rounds;
}

sub rounds { return $rounds; }

# Who has any.
sub contestants {
  return sort keys %value;
}

# Of one contestant's figure; nothing comes into being by asking.
sub by_round {
  my ($name, $figure) = @_;
  return exists $value{$name} ? $value{$name}{$figure} // {} : {};
}

sub figure {
  return summary (values %{ by_round (@_) });
}

# Undefined if there is nothing to compare with.
sub ratio {
  my ($x, $y) = @_;
  return $y > 0 ? $x / $y : undef;
}

# FN of each round's figures, where all of them are there, and it is defined.
sub per_round {
  my ($fn, @wanted) = @_;
  my @results;
  for my $round (sort keys %{ by_round (@{ $wanted[0] }) }) {
    my @figures = map { by_round (@$_)->{$round} } @wanted;
    push @results, grep { defined } $fn->(@figures)
      unless grep { !defined } @figures;
  }
  return summary (@results);
}

# Targets have a text, "what", a "bound", most or least, its "limit" and the
# "result", a summary; see which are met, and whether that is decided: by all
# rounds, and not fewer than three.  What has no bound is only shown.
sub judge {
  for my $target (@_) {
    my ($s, $bound) = @$target{qw(result bound)};
    next unless $s && $bound;
    my ($median, @ends) = map {
      ($bound eq 'most' ? $_ <= $target->{limit} : $_ >= $target->{limit})
        ? JSON::PP::true : JSON::PP::false } @$s{qw(median min max)};
    $target->{met} = $median;
    $target->{decided} = $s->{rounds} >= 3 && !(grep { $_ != $median } @ends)
      ? JSON::PP::true : JSON::PP::false;
  }
}

# In one of these words, for what is only SHOWN, MET or NOT.
sub verdict {
  my ($target, $shown, $met, $not) = @_;
  return 'not measured' unless $target->{result};
  return $shown unless $target->{bound};
  return ($target->{met} ? $met : $not) .
    ($target->{decided} ? '' : ', not decided');
}

# Printing.

sub first_match {
  my ($file, $pattern) = @_;
  open my $fh, '<', $file or return '?';
  while (my $line = <$fh>) {
    return $1 if $line =~ $pattern;
  }
  return '?';
}

# What COMMAND prints, in one line; "?" if it cannot be run.
sub output {
  my (@command) = @_;
  my $words = join ' ', map { "'$_'" } @command;
  my $text = `$words 2>/dev/null`;
  chomp $text;
  return $text =~ /^([^\n]+)/ ? $1 : '?';
}

# The machine, and the corpus that "corpus" made.
sub about {
  my ($corpus) = @_;
  my @uname = uname ();
  my $cpu = '/sys/devices/system/cpu/cpu';
  my $cpus = () = glob "${cpu}[0-9]*";
  my @from;
  if (open my $fh, '<', "$corpus.txt") {
    chomp (@from = <$fh>);
  }
  return {
    cpu => first_match ('/proc/cpuinfo', qr/^model name\s*: (.*)/),
    cpus => $cpus,
    memory => first_match ('/proc/meminfo', qr/^MemTotal: *(\d+)/),
    governor => first_match ("${cpu}0/cpufreq/scaling_governor", qr/(\S+)/),
    kernel => "$uname[0] $uname[2]",
    date => strftime ('%Y-%m-%d', gmtime),
    nbdkit => output ('nbdkit', '--version'),
    map ({ $_ => output ('pkg-config', '--modversion', "lib$_") } qw(lz4 zstd)),
    corpus => { file => decode ('UTF-8', "$corpus"), size => -s $corpus,
      from => \@from },
  };
}

# Whose the data is that "corpus" made, if not programs'; or if it did not make
# it.
sub origin {
  my ($about) = @_;
  my @from = @{ $about->{corpus}{from} };
  return !@from ? 'UNKNOWN' : (grep { /^synthetic/ } @from) ? 'SYNTHETIC' : '';
}

sub print_about {
  my ($about) = @_;
  printf "%s, %d CPUs, %s, %s; load at the start: %s\n",
    @$about{qw(cpu cpus kernel nbdkit)}, $about->{load} // 'not known';
  my @from = @{ $about->{corpus}{from} };
  printf "Data: %d MiB of %s\n", $about->{corpus}{size} >> 20,
    origin ($about) ? origin ($about) . ' pages'
      : "real programs' anonymous pages, runs of 64 KiB shuffled";
  print "  $_\n" for @from;
}

sub cell {
  my ($format, @numbers) = @_;
  return join '..', map { sprintf $format, $_ } @numbers;
}

sub bound_text {
  my ($target) = @_;
  return '' unless $target->{bound};
  return ($target->{bound} eq 'most' ? '<= ' : '>= ') . $target->{limit};
}

sub print_targets {
  my $width = max (map { length $_->{what} } @_);
  printf "\n%-${width}s %9s %8s %16s  %s\n", 'what it must reach', 'target',
    'result', '', 'met';
  for (@_) {
    my $s = $_->{result};
    printf "%-${width}s %9s %8s %16s  %s%s\n", $_->{what}, bound_text ($_),
      $s ? cell ('%.2f', $s->{median}) : '-',
      $s ? cell ('%.2f', $s->{min}, $s->{max}) : '',
      verdict ($_, '-', 'yes', 'NO'),
      $s && $_->{data} ? "  ($_->{data})" : '';
  }
  print "not decided: not by all rounds, or by fewer than three\n"
    if grep { defined $_->{decided} && !$_->{decided} } @_;
}

# Whoever reads FILE has all of the old or of the new; what is no file is only
# written to.
sub write_file {
  my ($file, $text) = @_;
  my $new = -e $file && !-f _ ? $file : "$file.$$";
  my $out;
  my $done = open ($out, '>:encoding(UTF-8)', $new) && print ($out $text) &&
    close ($out) && ($new eq $file || rename ($new, $file));
  return if $done;
  my $why = $!;
  unlink $new if $new ne $file;
  die "$file: $why\n";
}

# All that is known, into FILE; EVERYTHING is what only the caller knows.
sub write_results {
  my ($file, %everything) = @_;
  my %figures;
  for my $name (keys %value) {
    $figures{$name}{$_} = figure ($name, $_) for keys %{ $value{$name} };
  }
  write_file ($file, JSON::PP->new->canonical->pretty->encode ({
    figures => \%figures, %everything }));
  print "\nEverything measured: $file\n";
}

1;
