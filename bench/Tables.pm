# SPDX-License-Identifier: BSD-3-Clause
# What was measured, as tables: each has a title, the titles of its columns and
# rows of text.  Document.pm has them look as they should.

package Tables;
use strict;
use warnings;
use Exporter 'import';
use Figures;
use Rows;

our @EXPORT = qw(tables targets_table);

# Three digits, and more before the point if there are more.
sub number {
  my ($x) = @_;
  return sprintf abs $x >= 99.95 ? '%.0f' : abs $x >= 9.995 ? '%.1f' : '%.2f',
    $x;
}

# The median of a summary, its spread, and of how many rounds if not of all.
sub spread {
  my ($s, $unit) = @_;
  return '-' unless $s;
  my ($median, @ends) = map { number ($_ / ($unit // 1)) }
    @$s{qw(median min max)};
  my $of = $s->{rounds} == rounds () ? ''
    : $s->{rounds} == 1 ? ', 1 round' : ", $s->{rounds} rounds";
  return "$median ($ends[0]..$ends[1]$of)";
}

# TITLE, and what FIGURE's data is, if no real pages.
sub titled {
  my ($title, $figure) = @_;
  my $data = data_of ($figure);
  return $data ? "$title ($data)" : $title;
}

sub targets_table {
  my (@targets) = @_;
  return {
    title => 'What it must reach',
    columns => [ 'what', 'target', 'median (least..most)', 'result', 'data' ],
    rows => [ map { [ $_->{what}, bound_text ($_), spread ($_->{result}),
      verdict ($_, 'shown', 'met', 'NOT MET'),
      !$_->{result} ? '' : $_->{data} || 'real pages' ]
    } @targets ],
  };
}

my @measures = (
  # figure, title, unit
  [ 'rate', 'Requests, thousands/s', 1000 ],
  [ 'cpu', "Server's CPU per request, us", 1 ],
  [ 'client cpu', "Client's CPU per request, us", 1 ],
  [ 'p50', 'Latency, us: median', 1 ],
  [ 'p90', 'Latency, us: 90 % take at most', 1 ],
  [ 'p99', 'Latency, us: 99 % take at most', 1 ],
  [ 'p999', 'Latency, us: 99.9 % take at most', 1 ],
  [ 'max', 'Latency, us: the longest', 1 ],
  [ 'switches', "Server's context switches per request", 1 ],
  [ 'syscalls', "Server's system calls per request", 1 ],
);

# A row for each work that anybody did, a column for each server.
sub work_table {
  my ($figure, $title, $unit) = @_;
  my @rows;
  for my $work (works ()) {
    my @summaries = map { figure ($_, "$figure: $work->{text}") } servers ();
    push @rows, [ $work->{text}, map { spread ($_, $unit) } @summaries ]
      if grep { defined } @summaries;
  }
  return { title => $title, columns => [ 'requests', servers () ],
    rows => \@rows };
}

# What there is of more or fewer threads or connections, against the USUAL
# number of them: a row for each work and server, a column for each other
# number.
sub sweep_table {
  my ($field, $usual, $title, $column) = @_;
  my (%ratio, %numbers, @rows);
  for my $work (grep { $_->{$field} != $usual } works ()) {
    my $text = work_text ({ %$work, $field => $usual });
    for my $name (servers ()) {
      my $s = per_round (\&ratio,
        map { [ $name, "rate: $_" ] } $work->{text}, $text) or next;
      my $row = "$text, $name";
      push @rows, $row unless $ratio{$row};
      $ratio{$row}{ $work->{$field} } = $s;
      $numbers{ $work->{$field} } = 1;
    }
  }
  my @numbers = sort { $a <=> $b } keys %numbers;
  return { title => $title,
    columns => [ 'requests', map { sprintf $column, $_ } @numbers ],
    rows => [ map { my $of = $ratio{$_};
      [ $_, map { spread ($of->{$_}) } @numbers ] } @rows ] };
}

sub sweep_tables {
  return (
    sweep_table ('threads', DEFAULT_THREADS,
      "Requests by nbdkit's threads, where as many as with -t " .
      DEFAULT_THREADS . ' are 1', '-t %d'),
    sweep_table ('connections', 1, 'Requests by connections, each with as ' .
      'many under way, where as many as on one are 1', '%d'));
}

sub memory_table {
  my %title = ('memory 0' => 'filled', 'memory 1' => 'overwritten 1x',
    'memory 2' => '2x', 'memory 3' => '3x', factor => 'data / memory',
    'left: RSS' => 'left when emptied, % of peak RSS',
    'left: MemFree' => '... of MemFree');
  my @figures = (map ({ "memory $_" } 0 .. 3), 'factor', 'left: RSS',
    'left: MemFree');
  my @rows;
  for my $name (servers ()) {
    my @summaries = map { figure ($name, $_) } @figures;
    push @rows, [ $name, map { spread ($_) } @summaries ]
      if grep { defined } @summaries;
  }
  return {
    title => titled ('Memory, % of the data, beyond an idle server',
      'memory 0'),
    columns => [ '', map { titled ($title{$_}, $_) } @figures ],
    rows => \@rows,
  };
}

sub codec_table {
  my @figures = qw(compress write decompress read stored);
  return {
    title => titled ('The codec alone and the engine, one thread, us per page',
      'compress'),
    columns => [ '', 'compress', 'whole write', 'decompress', 'whole read',
      'stored, %' ],
    rows => [ map { my $name = $_; [ $name =~ s/^codec-//r,
      map { spread (figure ($name, $_)) } @figures ] } codecs () ],
  };
}

# The stages of a read or a write, by what kind of page it is.
sub stage_table {
  my ($op) = @_;
  my (%kinds, %stages, @kinds, @stages, %key);
  for (grep { $_->[0] eq $op } stages ()) {
    my (undef, $kind, $stage) = @$_;
    push @kinds, $kind unless $kinds{$kind}++;
    push @stages, $stage unless $stages{$stage}++;
    $key{$kind} //= join $;, @$_;
  }
  return {
    title => "Stages of a $op, ns",
    columns => [ 'stage', map { titled ($_, $key{$_}) } @kinds ],
    rows => [ map { my $stage = $_; [ $stage,
      map { spread (stage_spread (join $;, $op, $_, $stage)) } @kinds ]
    } @stages ],
  };
}

sub scaling_table {
  my ($op) = @_;
  my (%threads, @rows);
  my $of = scalings ();
  for my $name (keys %$of) {
    $threads{$_} = 1 for keys %{ $of->{$name}{$op} // {} };
  }
  my @threads = sort { $a <=> $b } keys %threads;
  for my $name (sort grep { $of->{$_}{$op} } keys %$of) {
    push @rows, [ $name,
      map { spread (figure ($name, "engine $op: $_"), 1000) } @threads ];
  }
  return {
    title => titled ("The engine's ${op}s by threads, thousands/s",
      @threads ? "engine $op: $threads[0]" : ''),
    columns => [ '', map { $_ == 1 ? '1 thread' : "$_ threads" } @threads ],
    rows => \@rows,
  };
}

sub guest_table {
  my @ops = qw(write read);
  return {
    title => "Through a guest's block layer, us per 4 KiB of a program's " .
      'file, depth 1; its CPU is emulated: compare no other figure with these',
    columns => [ '', @ops ],
    rows => [ map { my $name = $_;
      [ $name, map { spread (figure ($name, "guest: $_")) } @ops ] } guests () ],
  };
}

sub skipped_table {
  my $skipped = skipped ();
  return { title => 'Not run', columns => [ '', 'why' ],
    rows => [ map { [ $_, $skipped->{$_} ] } sort keys %$skipped ] };
}

# Those that have anything in them.
sub tables {
  return grep { @{ $_->{rows} } } memory_table (), codec_table (),
    map ({ stage_table ($_) } 'read', 'write'),
    map ({ scaling_table ($_) } 'read', 'write'),
    guest_table (), sweep_tables (), map ({ work_table (@$_) } @measures),
    skipped_table ();
}

1;
