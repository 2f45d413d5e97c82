# SPDX-License-Identifier: BSD-3-Clause
# From the lines of JSON that nbdbench and the engine's benchmark write to
# figures by contestant and round.
#
# A line of nbdbench is one phase.  Those that are compared are works, as "4 KiB
# read, depth 16 x 1": the same requests, kept on their way in the same number,
# of the same data.  A work's figures are called "rate: WORK", "cpu: WORK" and
# so on.  If a contestant does a work twice in a round, the first time counts.

package Rows;
use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use Scalar::Util qw(looks_like_number);
use Figures;

our @EXPORT = qw(check_about check_row read_raw take_rows base base_work
  work_text works skipped servers codecs size_text data_of fills stages
  stage_spread scalings guests trimmed DEFAULT_THREADS);

# What an nbdkit has for each connection, unless it is told otherwise.
use constant DEFAULT_THREADS => 16;

my $size;                       # of the data, in bytes
my $origin;                     # ... if they are not programs'
my @server_works;               # works of servers, as they came
my %skipped;                    # {contestant} = why
my %server;                     # {contestant}: who answered requests
my $arrangement;                # connections and threads of the first server
my $disk_size;                  # ... and how large it is
my %works;                      # {text} = work
my %data;                       # {figure} = of what data, if not real pages
my %process;                    # {contestant, round}: what it has done so far
my %fills;                      # {MiB}: where memory was read while filling
my @stages;                     # [op, kind, stage], in the order of appearance
my %spread;                     # {op, kind, stage} = [least, most]
my %trimmed;                    # {size of a device that TRIM emptied}
my %scalings;                   # {contestant}{op}{threads}
my %guests;                     # {contestant}: which a guest had as a disk

# Checking.

# What a row must have, by phase; nbdbench's others are not looked at.  (Of a
# server that is somebody else's, CPU and memory are not known.)
my @rate = qw(ops seconds block depth connections);
my %needs = (
  read => \@rate, write => \@rate, same => \@rate,
  fill => [ qw(ops block) ], scatter => [ qw(ops block) ],
  trim => [ qw(seconds ops block) ],
  engine => [ qw(compress decompress write read compressed huge) ],
  metadata => [ qw(run written metadata page_tables) ],
  stage => [ qw(ns) ], scaling => [ qw(threads ops seconds) ],
  guest => [ qw(us) ],
);
# ... and by what others are divided.
my %positive = map { $_ => 1 } qw(ops seconds block written threads);

sub kind_of {
  my ($row) = @_;
  return exists $row->{stage} ? 'stage' : $row->{phase} // 'scaling';
}

# What is said of the run.
sub check_about {
  my ($about, $where) = @_;
  my $corpus = $about->{corpus};
  die "$where: \"about\" needs \"corpus\", with \"size\" and \"from\"\n"
    unless ref $corpus eq 'HASH' && ref $corpus->{from} eq 'ARRAY';
  die "$where: the corpus's \"size\" must be a number of bytes, of a page or " .
    "more\n" unless looks_like_number ($corpus->{size}) &&
      $corpus->{size} >= 4096;
  for (qw(cpu cpus governor kernel nbdkit)) {
    die "$where: \"about\" needs \"$_\"\n"
      unless defined $about->{$_} && !ref $about->{$_};
  }
}

# What is there of these must be numbers, and those texts.
my @numbers = (qw(block client_cpu compressed compress context_switches cpu
  decompress depth device connections huge least max memory metadata most ns nth
  ops p50 p90 p99 p999 page_tables read round rss run seconds syscalls taken
  threads unsteady us write written));
my @texts = qw(client content kind name op phase skipped stage);

sub check_types {
  my ($row, $where) = @_;
  for (grep { defined $row->{$_} } @numbers) {
    die "$where: \"$_\" is not a number\n"
      unless looks_like_number ($row->{$_});
  }
  for (grep { exists $row->{$_} } @texts) {
    die "$where: \"$_\" is not a text\n"
      unless defined $row->{$_} && !ref $row->{$_};
  }
}

sub check_row {
  my ($row, $where) = @_;
  die "$where: not an object of JSON\n" unless ref $row eq 'HASH';
  if (exists $row->{about}) {
    die "$where: \"about\" is not an object of JSON\n"
      unless ref $row->{about} eq 'HASH';
    return;
  }
  die "$where: neither a \"name\" nor a \"stage\"\n"
    unless exists $row->{name} || exists $row->{stage};
  return check_types ($row, $where) if exists $row->{skipped};
  my $kind = kind_of ($row);
  for my $field (@{ $needs{$kind} // [] }, $kind eq 'stage' ? () : 'round') {
    my $number = $row->{$field};
    die "$where: \"$kind\" needs \"$field\", a number\n"
      unless looks_like_number ($number);
    die "$where: \"$field\" is $number, and must be more than 0\n"
      if $positive{$field} && $number <= 0;
  }
  check_types ($row, $where);
}

# The rows of a file with a line of JSON for each.
sub read_raw {
  my ($raw) = @_;
  my @rows;
  open my $file, '<', $raw or die "$raw: $!\n";
  while (my $line = <$file>) {
    my $row = eval { decode_json ($line) };
    die "$raw, line $.: not JSON\n" unless defined $row;
    check_row ($row, "$raw, line $.");
    push @rows, $row;
  }
  die "$raw: nothing was measured\n"
    unless grep { !$_->{skipped} && !$_->{about} } @rows;
  return @rows;
}

# Works.

sub size_text {
  my ($bytes) = @_;
  for (['GiB', 30], ['MiB', 20], ['KiB', 10]) {
    my ($unit, $shift) = @$_;
    return ($bytes >> $shift) . " $unit"
      if $bytes >> $shift && $bytes % (1 << $shift) == 0;
  }
  return "$bytes bytes";
}

# Real pages are not mentioned.  What is of two kinds is "mixed".
sub data_text {
  my ($content) = @_;
  return $content eq 'corpus' ? ($origin ? "$origin pages" : '')
    : $content eq 'synthetic' ? 'SYNTHETIC pages'
    : $content eq 'zeros' ? 'zeros' : "$content pages";
}

# "depth 16 x 4": 16 requests on each of 4 connections.
sub work_text {
  my ($work) = @_;
  my @words = (size_text ($work->{block}) . " $work->{op}",
    "depth $work->{depth} x $work->{connections}");
  push @words, "nbdkit -t $work->{threads}"
    if $work->{threads} != DEFAULT_THREADS;
  push @words, $work->{client} if $work->{client} ne 'libnbd';
  push @words, $work->{state} if $work->{state};
  push @words, data_text ($work->{content}) if data_text ($work->{content});
  return join ', ', @words;
}

sub work_of {
  my ($row, $process) = @_;
  my $op = $row->{phase} eq 'same' ? 'write' : $row->{phase};
  return {
    op => $op, block => $row->{block}, depth => $row->{depth},
    connections => $row->{connections}, threads => threads_of ($row),
    client => $row->{client} // 'libnbd', content => content_of ($row),
    state => $op eq 'read' && !$process->{written} ? 'filled in order' : '',
  };
}

# The kernel's zram has no server.
sub threads_of {
  my ($row) = @_;
  return $row->{name} =~ /^kernel/ ? DEFAULT_THREADS
    : $row->{threads} // DEFAULT_THREADS;
}

sub content_of {
  my ($row) = @_;
  return $row->{content}
    // ($row->{phase} && $row->{phase} eq 'same' ? 'same-filled' : 'corpus');
}

# Figures.

# What contestant NAME's FIGURE was in the row's round, the first time.
sub add {
  my ($row, $figure, $number) = @_;
  my $name = $row->{name};
  return if exists by_round ($name, $figure)->{ $row->{round} };
  add_figure ($name, $figure, $row->{round}, $number);
  $data{$figure} //= data_text (content_of ($row));
}

my %per_op = (
  cpu => [ 'cpu', 1e6 ], client_cpu => [ 'client cpu', 1e6 ],
  context_switches => [ 'switches', 1 ],
);
my @as_they_are = qw(syscalls p50 p90 p99 p999 max);

sub add_work {
  my ($row, $process) = @_;
  my $work = work_of ($row, $process);
  my $text = work_text ($work);
  $works{$text} //= { %$work, text => $text };
  push @server_works, $work unless $row->{name} =~ /^kernel/;
  add ($row, "rate: $text", $row->{ops} / $row->{seconds});
  for my $field (grep { defined $row->{$_} } keys %per_op) {
    my ($figure, $unit) = @{ $per_op{$field} };
    add ($row, "$figure: $text", $unit * $row->{$field} / $row->{ops});
  }
  add ($row, "$_: $text", $row->{$_})
    for grep { defined $row->{$_} } @as_they_are;
}

# Memory is that of servers arranged as the first one was.
sub as_arranged {
  my ($row) = @_;
  return 1 if $row->{name} =~ /^kernel/;
  my $this = join ' ', $row->{connections} // 1, threads_of ($row);
  $arrangement //= $this;
  return $this eq $arrangement;
}

# That of all data, when FIGURE is what has been done to it, in percent.
sub add_share {
  my ($row, $figure) = @_;
  my $data = $row->{device} // $size;
  $disk_size //= $data;
  return unless $data == $disk_size;
  add ($row, $figure, 100 * $row->{memory} / $data);
  add ($row, 'factor', $data / $row->{memory})
    if $figure eq 'memory 3' && $row->{memory} > 0;
}

# With pages of the corpus, that is.
sub add_memory {
  my ($row, $process) = @_;
  return unless defined $row->{memory} && as_arranged ($row) &&
    content_of ($row) =~ /^corpus$|^synth/;
  if ($row->{phase} eq 'fill') {
    my $mib = $process->{stored} >> 20;
    $fills{$mib} = 1;
    add ($row, "memory at $mib MiB", $row->{memory} / 1048576);
    add_share ($row, 'memory 0')
      if $process->{stored} >= ($row->{device} // $size);
  }
  else {
    add_share ($row, 'memory ' . ++$process->{over});
  }
}

# Growth that is left, in percent of its peak: of the server's RSS, and what is
# taken of MemFree.  MemFree is the whole machine's: where others took or gave
# memory meanwhile, that round is left out.  It is known by a peak that is not
# RSS's, within a fifth, or by what moved, when the server had nothing to do any
# more, by over a fiftieth of that; never by what is left.
sub add_emptied {
  my ($row, $process) = @_;
  my ($rss, $taken) = map { $process->{"peak $_"} // 0 } qw(rss taken);
  return unless $rss > 0;
  add ($row, 'left: RSS', 100 * $row->{rss} / $rss);
  add ($row, 'left: MemFree', 100 * $row->{taken} / $taken)
    if abs ($taken - $rss) < $rss / 5 &&
      ($row->{unsteady} // 0) <= $taken / 50;
}

# Every page of the device had been written, or one of each MiB.
sub add_trim {
  my ($row, $process) = @_;
  my $device = $row->{device} // $row->{ops} * $row->{block};
  my $written = $process->{stored};
  my $how = $written >= $device ? 'every page written'
    : $written * 256 == $device ? 'one page per MiB'
    : size_text ($written) . ' written';
  $trimmed{ size_text ($device) } = 1;
  add ($row, 'trim: ' . size_text ($device) . ", $how", $row->{seconds});
}

sub add_engine {
  my ($row) = @_;
  add ($row, $_, $row->{$_}) for qw(compress decompress write read);
  add ($row, 'stored',
    100 * ($row->{compressed} + 4096 * $row->{huge}) / $size);
}

sub add_stage {
  my ($row) = @_;
  my $key = join $;, @$row{qw(op kind stage)};
  push @stages, [ @$row{qw(op kind stage)} ] unless $spread{$key};
  my $spread = $spread{$key} //= [ ($row->{ns}) x 2 ];
  for (grep { defined } @$row{qw(ns least most)}) {
    $spread->[0] = $_ if $_ < $spread->[0];
    $spread->[1] = $_ if $_ > $spread->[1];
  }
  my $content = $row->{kind} eq 'same' ? 'same-filled'
    : $row->{made} ? 'synthetic' : content_of ($row);
  add ({ round => 1, %$row, name => 'stages', content => $content }, $key,
    $row->{ns});
}

sub add_scaling {
  my ($row) = @_;
  my ($op, $threads) = @$row{qw(op threads)};
  $scalings{ $row->{name} }{$op}{$threads} = 1;
  add ($row, "engine $op: $threads", $row->{ops} / $row->{seconds});
}

# Phases that change what later ones find.
sub note_phase {
  my ($row, $process) = @_;
  my $phase = $row->{phase};
  $process->{stored} += $row->{ops} * $row->{block}
    if $phase =~ /^(?:fill|scatter)$/;
  $process->{written} = 1 if $phase =~ /^(?:over|write|same)$/;
  for my $field (grep { defined $row->{$_} } qw(rss taken)) {
    my $peak = \$process->{"peak $field"};
    $$peak = $row->{$field} if $row->{$field} > ($$peak // 0);
  }
}

# nbdbench numbers the phases of one server.
sub process_of {
  my ($row) = @_;
  my $key = join $;, @$row{qw(name round)};
  my $nth = $row->{nth} // 0;
  my $process = $process{$key};
  $process = $process{$key} = { stored => 0, over => 0 }
    if !$process || $nth <= $process->{nth};
  $process->{nth} = $nth;
  return $process;
}

my %add_phase = (
  read => \&add_work, write => \&add_work, same => \&add_work,
  mixed => \&add_work,
  fill => \&add_memory, over => \&add_memory, empty => \&add_emptied,
  trim => \&add_trim,
);

# Of a disk of programs' pages; there are rows of same-filled ones as well, to
# show that it is all the same.
sub add_metadata {
  my ($row) = @_;
  return if ($row->{content} // '') eq 'same-filled';
  my $share = sub { 100 * $_[0] / $row->{written} };
  add ($row, "resident: $row->{run}", $share->($row->{metadata}));
  add ($row, "metadata: $row->{run}",
    $share->($row->{metadata} + $row->{page_tables}));
}

# Guests measure a program's file, read and written by dd.
sub add_guest {
  my ($row) = @_;
  $guests{ $row->{name} } = 1;
  add ({ %$row, content => 'corpus' }, "guest: $row->{op}", $row->{us});
}

sub take_row {
  my ($row) = @_;
  my $kind = kind_of ($row);
  if (exists $row->{skipped}) {
    $skipped{ $row->{name} } = $row->{skipped};
  }
  elsif ($kind eq 'stage') { add_stage ($row) }
  elsif ($kind eq 'scaling') { add_scaling ($row) }
  elsif ($kind eq 'engine') { add_engine ($row) }
  elsif ($kind eq 'metadata') {
    add_metadata ($row);
  }
  elsif ($kind eq 'guest') { add_guest ($row) }
  else {
    my $process = process_of ($row);
    $server{ $row->{name} } = 1;
    note_phase ($row, $process);
    $add_phase{$kind}->($row, $process) if $add_phase{$kind};
  }
}

sub trimmed {
  return sort keys %trimmed;
}

# All ROWS, of the data that ABOUT tells of.  (Copies: to a perl before 5.36,
# what was used as text is no number any more when it is written as JSON.)
sub take_rows {
  my ($about, @rows) = @_;
  $size = $about->{corpus}{size};
  $origin = origin ($about);
  take_row ({ %$_ }) for grep { !exists $_->{about} } @rows;
}

# Asking.

# What the main table and most targets are of, if nobody wanted otherwise: of
# the servers with 16 requests of a page under way on one connection.
sub base {
  my @pages = grep { $_->{block} == 4096 && $_->{client} eq 'libnbd' }
    @server_works;
  my @usual = grep { $_->{depth} == 16 && $_->{connections} == 1 } @pages;
  my @plain = grep { $_->{threads} == DEFAULT_THREADS } @usual;
  return $plain[0] // $usual[0] // $pages[0] // { block => 4096, depth => 16,
    connections => 1, threads => DEFAULT_THREADS, client => 'libnbd' };
}

# That of contestant NAME: the kernel has one request at a time.
sub base_work {
  my ($name, $op) = @_;
  my %kernel = (depth => 1, connections => 1, threads => DEFAULT_THREADS);
  return work_text ({ %{ base () }, op => $op, content => 'corpus',
    state => '', $name =~ /^kernel/ ? %kernel : () });
}

sub works {
  return sort {
    $a->{op} cmp $b->{op} || $a->{block} <=> $b->{block} ||
    $a->{connections} <=> $b->{connections} || $a->{depth} <=> $b->{depth} ||
    $a->{text} cmp $b->{text}
  } values %works;
}

# Servers' names, ours first, of those that ran.
sub servers {
  return sort {
    ($b =~ /^zram/) <=> ($a =~ /^zram/) || $a cmp $b
  } keys %server;
}

# The algorithms that were measured alone.
sub codecs {
  return grep { /^codec-/ && figure ($_, 'compress') } contestants ();
}

# Of what data a figure is, if not of real pages.
sub data_of {
  return $data{ $_[0] } // '';
}

sub skipped { return \%skipped; }

sub fills { return sort { $a <=> $b } keys %fills; }

# [op, kind, stage]; their whole, and what they leave of it, are the last.
sub stages {
  my %last = (rest => 1, whole => 2);
  return sort { ($last{ $a->[2] } // 0) <=> ($last{ $b->[2] } // 0) } @stages;
}

sub scalings { return \%scalings; }

sub guests { return sort keys %guests; }

# Median over the rounds, and the least and the most of all passes.
sub stage_spread {
  my ($key) = @_;
  my $s = figure ('stages', $key) or return undef;
  return { %$s, min => $spread{$key}[0], max => $spread{$key}[1] };
}

1;
