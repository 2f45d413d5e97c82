# SPDX-License-Identifier: BSD-3-Clause
# What the benchmark must reach, each with what it is measured by.  A ratio is
# the median of the rounds' ratios: each round ran both sides.  What was not
# measured has no result, and so is never met.

package Targets;
use strict;
use warnings;
use Exporter 'import';
use Figures;
use Rows;

our @EXPORT = qw(targets);

my @targets;

sub target {
  my ($what, $bound, $limit, $result, $figure) = @_;
  push @targets, { what => $what, bound => $bound, limit => $limit,
    result => $result, data => data_of ($figure) };
}

# FIGURE of OURS over that of PEER.
sub compare {
  my ($what, $bound, $limit, $figure, $ours, $peer) = @_;
  my $ratio = per_round (\&ratio, [ $ours, $figure ], [ $peer, $figure ]);
  target ("$what, $ours / $peer", $bound, $limit, $ratio, $figure);
}

# The text of the work that most targets are of, but for what CHANGES.
sub work {
  my (%changes) = @_;
  return work_text ({ block => 4096, depth => 16, connections => 1,
    threads => DEFAULT_THREADS, content => 'corpus', state => '',
    client => 'libnbd', %changes });
}

# Reads of what was overwritten at random; or of what was only filled in order,
# if it is that which both contestants read.
sub reads {
  my ($ours, $peer, %changes) = @_;
  for my $state ('', 'filled in order') {
    my $text = work (op => 'read', state => $state, %changes);
    return $text
      if per_round (sub { 1 }, map { [ $_, "rate: $text" ] } $ours, $peer);
  }
  return work (op => 'read', %changes);
}

sub compare_rates {
  my ($what, $least, $op, $ours, $peer, %changes) = @_;
  my $text = $op eq 'read' ? reads ($ours, $peer, %changes)
                           : work (op => 'write', %changes);
  compare ($what, defined $least ? 'least' : undef, $least, "rate: $text",
    $ours, $peer);
}

sub memory_targets {
  for ([ 'zram-lz4', 0.55 ], [ 'zram-zstd', 0.4 ]) {
    my ($ours, $most) = @$_;
    compare ('memory, overwritten 3x', 'most', $most, 'memory 3', $ours,
      'memory-zstd');
  }
}

# The server's own, which is that of one that only copies, and the codec's.
sub cpu_target {
  my ($ours, $op, $codec, %changes) = @_;
  my $text = $op eq 'read' ? reads ("zram-$ours", 'memory-malloc', %changes)
                           : work (op => $op, %changes);
  my $figure = "cpu: $text";
  my $result = per_round (sub { ratio ($_[0], $_[1] + $_[2]) },
    [ "zram-$ours", $figure ], [ 'memory-malloc', $figure ],
    [ "codec-$ours", $codec ]);
  target ("server CPU of a 4 KiB $op, $changes{depth} x " .
    "$changes{connections}, zram-$ours / (malloc + codec)", 'most', 1.15,
    $result, $figure);
}

# A server that waits for requests pays for being woken, and the faster one of
# two waits more often: with 64 requests on each of 4 connections neither does.
sub cpu_targets {
  for my $ours ('lz4', 'zstd') {
    for ([ 16, 1 ], [ 64, 4 ]) {
      my %changes;
      @changes{qw(depth connections)} = @$_;
      cpu_target ($ours, 'write', 'compress', %changes);
      cpu_target ($ours, 'read', 'decompress', %changes);
    }
  }
}

# How much of the peer's rate its own and its client's CPU leave possible to who
# has the codec's besides: where all CPUs are busy, or, of one connection, where
# the server has one.  For it has no more, whoever's it is, as the row after that
# shows: nbdkit's threads take a connection's requests in turn, and who sleeps
# meanwhile is not awake before the next one is taken, too.
sub possible_rate {
  my ($ours, $peer, $cpus, %changes) = @_;
  my $text = work (op => 'write', %changes);
  my $one = $changes{connections} == 1;
  my $result = per_round (sub {
    my ($rate, $server, $client, $codec) = @_;
    return ratio (($one ? 1 : $cpus) * 1e6,
      ($server + $codec + ($one ? 0 : $client)) * $rate);
  }, map ({ [ $peer, "$_: $text" ] } 'rate', 'cpu', 'client cpu'),
    [ $ours =~ s/^zram/codec/r, 'compress' ]);
  target ('... what is possible with the CPU that compressing takes', undef,
    undef, $result, "rate: $text");
  busy_cpus ($ours, $text);
  busy_cpus ($peer, $text);
}

sub busy_cpus {
  my ($name, $text) = @_;
  target ("... CPUs that the server keeps busy, $name", undef, undef,
    per_round (sub { $_[0] * $_[1] / 1e6 }, map { [ $name, "$_: $text" ] }
      'rate', 'cpu'), "rate: $text");
}

# What there would be to gain by doing nothing at all.
sub nothing_rate {
  my ($peer, %changes) = @_;
  compare ('... of one that keeps nothing', undef, undef,
    'rate: ' . work (op => 'write', %changes), 'null', $peer);
}

sub malloc_targets {
  my ($cpus) = @_;
  my @pair = ('zram-lz4', 'memory-malloc');
  for ([ 'reads', 0.87, 'read' ], [ 'writes', 0.62, 'write' ],
       [ 'same-filled writes', 0.95, 'write', content => 'same-filled' ]) {
    my ($what, $least, $op, @content) = @$_;
    for my $connections (1, 4) {
      for my $depth (16, 64) {
        my %changes = (depth => $depth, connections => $connections);
        compare_rates ("4 KiB $what, $depth x $connections", $least, $op,
          @pair, block => 4096, %changes, @content);
        possible_rate (@pair, $cpus, %changes) if $what eq 'writes';
        nothing_rate ($pair[1], %changes, @content)
          if @content && $connections == 1;
      }
    }
  }
  for my $block (65536, 1048576) {
    for (['read', 0.6], ['write', 0.4]) {
      my ($op, $least) = @$_;
      compare_rates (size_text ($block) . " ${op}s, depth 1", $least, $op,
        @pair, block => $block, depth => 1, connections => 1);
    }
  }
}

sub zstd_targets {
  my %page = (block => 4096, depth => 16, connections => 1);
  my @pair = ('zram-zstd1', 'memory-zstd');
  compare_rates ('4 KiB writes, 16 x 1', 8, 'write', @pair, %page);
  compare_rates ('4 KiB reads, 16 x 1', 4, 'read', @pair, %page);
  compare_rates ('... of what was filled in order', undef, 'read', @pair,
    %page, state => 'filled in order');
}

sub sparse_targets {
  for my $how ('every page written', 'one page per MiB') {
    compare ("TRIM of 16 GiB, $how", 'most', 1, "trim: 16 GiB, $how",
      'zram-lz4', 'memory-sparse');
  }
  # Where there is no memory, or no time, for that.
  compare ("... of $_, every page written", undef, undef,
    "trim: $_, every page written", 'zram-lz4', 'memory-sparse')
    for grep { $_ ne '16 GiB' } trimmed ();
  for my $ours ('zram-lz4', 'zram-zstd') {
    for my $what ('RSS', 'MemFree') {
      target ("growth left when emptied, % of peak, $what, $ours", 'most', 5,
        figure ($ours, "left: $what"), "left: $what");
    }
  }
  for ([1048576, 'most', 1], [65536, 'most', 7], [4096, undef, undef]) {
    my ($run, @bound) = @$_;
    my $figure = "metadata: $run";
    my $pages = $run == 4096 ? 'single pages' : 'runs of ' . size_text ($run);
    target ("metadata of 1 GiB in 1 TiB, %, $pages", @bound,
      figure ('zram-lz4', $figure), $figure);
    target ('... without the page tables for it', undef, undef,
      figure ('zram-lz4', "resident: $run"), $figure);
  }
}

# On so many CPUS.
sub targets {
  my ($cpus) = @_;
  @targets = ();
  cpu_targets ();
  malloc_targets ($cpus);
  zstd_targets ();
  sparse_targets ();
  memory_targets ();
  judge (@targets);
  return @targets;
}

1;
