# SPDX-License-Identifier: BSD-3-Clause
# What is plotted.  A plot has an id, a title, what its axes are, and series: a
# label and points [x, median, least, most].  If it has categories, x counts
# them from 0.  Gnuplot.pm draws them.

package Plots;
use strict;
use warnings;
use Exporter 'import';
use Figures;
use Rows;

our @EXPORT = qw(plots);

sub point {
  my ($x, $s, $factor) = @_;
  return [ $x, map { $_ * $factor } @$s{qw(median min max)} ];
}

# A contestant looks the same in every plot.
sub style_of {
  my ($name) = @_;
  my @names = servers ();
  my ($style) = grep { $names[$_] eq $name } 0 .. $#names;
  return $style;
}

# FIGURES: a list of [x, name of the figure, factor].
sub series {
  my (@figures) = @_;
  my @series;
  for my $name (servers ()) {
    my @points;
    for (@figures) {
      my ($x, $figure, $factor) = @$_;
      my $s = figure ($name, $figure);
      push @points, point ($x, $s, $factor) if $s;
    }
    push @series, { label => $name, style => style_of ($name),
      points => \@points } if @points;
  }
  return \@series;
}

# "read, 4 KiB, depth 16 x 1, synthetic": the id of a plot.
sub id_of {
  my ($text) = @_;
  $text = lc $text;
  $text =~ s/[^a-z0-9]+/-/g;
  return $text;
}

# Works that differ in FIELD alone, where there is more than one; TEXT is what
# they have in common.
sub alike {
  my ($field) = @_;
  my (%alike, @keys);
  for my $work (works ()) {
    my $text = work_text ({ %$work, $field => 1 });
    push @keys, $text unless $alike{$text};
    push @{ $alike{$text} }, $work;
  }
  return map { [ sort { $a->{$field} <=> $b->{$field} } @{ $alike{$_} } ] }
    grep { @{ $alike{$_} } > 1 } @keys;
}

# What a work is of, without the words that PATTERN matches.
sub without {
  my ($work, $pattern) = @_;
  return $work->{text} =~ s/$pattern//r;
}

sub depth_plot {
  my ($works) = @_;
  my ($first) = @$works;
  my $connections = $first->{connections} == 1 ? '1 connection'
    : "$first->{connections} connections";
  my $what = without ($first, qr/depth \d+ x \d+/) =~ s/, /s, $connections/r;
  return {
    id => id_of ("depth $what"), title => "Throughput by depth: $what",
    x => 'requests under way on each connection', y => 'thousands/s',
    log_x => 2, series => series (map {
      [ $_->{depth}, "rate: $_->{text}", 1e-3 ] } @$works),
  };
}

sub block_plot {
  my ($works) = @_;
  my $what = without ($works->[0], qr/^\d+ \w+ /) =~ s/,/s,/r;
  return {
    id => id_of ("block $what"), title => "Throughput by block size: $what",
    x => 'KiB for each request', y => 'MiB/s', log_x => 2, log_y => 10,
    series => series (map {
      [ $_->{block} / 1024, "rate: $_->{text}", $_->{block} / 1048576 ]
    } @$works),
  };
}

sub thread_plot {
  my ($works) = @_;
  my $what = without ($works->[0], qr/, nbdkit -t \d+/);
  return {
    id => id_of ("threads $what"), title => "Scaling by nbdkit -t: $what",
    x => "the server's threads", y => 'thousands/s', log_x => 2,
    series => series (map {
      [ $_->{threads}, "rate: $_->{text}", 1e-3 ] } @$works),
  };
}

my @percentiles = qw(p50 p90 p99 p999 max);

# Of pages, one at a time and as most figures are.
sub latency_plots {
  my $base = base ();
  my %depths = (1 => 1, $base->{depth} => 1);
  my @plots;
  for my $work (grep { $_->{block} == 4096 && $_->{connections} == 1 &&
                         $_->{threads} == $base->{threads} &&
                         $depths{ $_->{depth} } } works ()) {
    push @plots, {
      id => id_of ("latency $work->{text}"),
      title => "Latency: $work->{text}",
      categories => [ 'half', '90 %', '99 %', '99.9 %', 'all' ],
      x => 'so many take at most', y => 'us', log_y => 10,
      series => series (map {
        [ $_, "$percentiles[$_]: $work->{text}", 1 ] } 0 .. $#percentiles),
    };
  }
  return @plots;
}

# How TITLE is followed by what data FIGURE is of, if not of real pages.
sub titled {
  my ($title, $figure) = @_;
  my $data = data_of ($figure);
  return $data ? "$title: $data" : $title;
}

sub stored_plot {
  my @fills = fills ();
  my $plot = {
    id => 'memory-by-data', x => 'MiB stored',
    title => titled ('Memory by data stored, in order',
      @fills ? "memory at $fills[0] MiB" : ''),
    y => 'MiB, beyond an idle server',
    series => series (map { [ $_, "memory at $_ MiB", 1 ] } @fills),
  };
  return $plot;
}

sub overwritten_plot {
  return {
    id => 'memory-overwritten', x => '', y => '% of the data',
    title => titled ('Memory, filled and overwritten at random', 'memory 0'),
    categories => [ 'filled', map { "overwritten ${_}x" } 1 .. 3 ],
    series => series (map { [ $_, "memory $_", 1 ] } 0 .. 3),
  };
}

# What the server's CPU per request may be: malloc's and the codec's.
sub sums {
  my ($op, $x) = @_;
  my $codec = $op eq 'read' ? 'decompress' : 'compress';
  my @points;
  for my $name (codecs ()) {
    my $s = per_round (sub { $_[0] + $_[1] },
      [ 'memory-malloc', 'cpu: ' . base_work ('memory-malloc', $op) ],
      [ $name, $codec ]);
    push @points, point ($x++, $s, 1) if $s;
  }
  return @points;
}

sub cpu_plot {
  my @names = grep { !/^kernel/ } servers ();
  my @series;
  for my $op ('read', 'write') {
    my @points;
    for (0 .. $#names) {
      my $s = figure ($names[$_], 'cpu: ' . base_work ($names[$_], $op));
      push @points, point ($_, $s, 1) if $s;
    }
    push @points, sums ($op, scalar @names) if @points;
    push @series, { label => $op, points => \@points } if @points;
  }
  my $work = base_work ('', 'request');
  return {
    id => 'cpu', title => "Server's CPU per request: $work",
    x => '', y => 'us', bars => 1, series => \@series,
    categories => [ @names, map { s/^codec-/malloc + /r } codecs () ],
  };
}

# "zram-lz4-processes": lz4.
sub algorithm_of {
  my ($name) = @_;
  return $name =~ s/^(?:zram|codec)-|-(?:one-cpu|processes)$//gr;
}

sub scaling_plot {
  my ($op, @names) = @_;
  my $of = scalings ();
  my (@series, $any);
  for my $name (sort grep { $of->{$_}{$op} } @names) {
    my @threads = sort { $a <=> $b } keys %{ $of->{$name}{$op} };
    $any //= $threads[0];
    push @series, { label => $name, points => [ map {
      point ($_, figure ($name, "engine $op: $_"), 1e-3) } @threads ] };
  }
  my $algorithm = algorithm_of ($names[0]);
  return {
    id => id_of ("scaling $op $algorithm"), log_x => 2, x => 'threads',
    title => titled ("Scaling by threads: the engine's ${op}s, $algorithm",
      $any ? "engine $op: $any" : ''), series => \@series, y => 'thousands/s',
  };
}

# One for each algorithm.
sub scaling_plots {
  my ($op) = @_;
  my %names;
  push @{ $names{ algorithm_of ($_) } }, $_ for keys %{ scalings () };
  return map { scaling_plot ($op, @{ $names{$_} }) } sort keys %names;
}

# A logarithmic axis begins somewhere; what is below is in the table.
sub stage_plot {
  my ($op) = @_;
  my (%stage, %kind, @stages, @kinds);
  for (grep { $_->[0] eq $op } stages ()) {
    my (undef, $kind, $stage) = @$_;
    my $key = join $;, @$_;
    push @stages, $stage unless exists $stage{$stage};
    $stage{$stage} //= $#stages;
    push @kinds, $kind = titled ($kind, $key);
    push @{ $kind{$kind} }, point ($stage{$stage}, stage_spread ($key), 1);
  }
  my %seen;
  return {
    id => "stages-$op", title => "Cost of each stage of a $op",
    categories => \@stages, x => '', y => 'ns, from 1 on', log_y => 10,
    least_y => 1, points_only => 1,
    series => [ map { {
      label => $_, points => [ grep { $_->[1] >= 1 } @{ $kind{$_} } ]
    } } grep { !$seen{$_}++ } @kinds ],
  };
}

# Those that have anything in them.
sub plots {
  return grep { @{ $_->{series} } } cpu_plot (),
    map ({ depth_plot ($_) } alike ('depth')),
    map ({ block_plot ($_) } alike ('block')), latency_plots (),
    stored_plot (), overwritten_plot (),
    map ({ scaling_plots ($_) } 'read', 'write'),
    map ({ thread_plot ($_) } alike ('threads')),
    map ({ stage_plot ($_) } 'read', 'write');
}

1;
