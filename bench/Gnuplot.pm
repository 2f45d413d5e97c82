# SPDX-License-Identifier: BSD-3-Clause
# Plots.pm's plots as SVG that can stand in a page of HTML.  Series differ in
# points, dashes and fillings, not only in colour.

package Gnuplot;
use strict;
use warnings;
use Exporter 'import';
use File::Temp;

our @EXPORT = qw(has_gnuplot svg);

# Colours that are told apart by people who see few, and in print.
my @colours = map { "#$_" }
  qw(0072b2 d55e00 009e73 000000 cc79a7 56b4e9 e69f00 666666);
my @points = (7, 5, 9, 4, 6, 8, 1, 2);
my @dashes = (1, 2, 4, 5, 3, 1, 2, 4);
my @patterns = (2, 4, 1, 5, 0, 3, 6, 7);

sub has_gnuplot {
  my $version = `gnuplot --version 2>/dev/null`;
  return defined $version && $version =~ /^gnuplot/;
}

# As gnuplot takes it: in such quotes nothing has a meaning but they.
sub quoted {
  my ($text) = @_;
  $text =~ s/'/''/g;
  return "'$text'";
}

# ... but a tic's text is a format.
sub tic {
  my ($text) = @_;
  return quoted ($text =~ s/%/%%/gr);
}

sub axes {
  my ($plot) = @_;
  my @lines = map { 'set ' . $_->[0] . ' ' . quoted ($_->[1]) }
    [ 'title', $plot->{title} ], [ 'xlabel', $plot->{x} ],
    [ 'ylabel', $plot->{y} ];
  push @lines, "set logscale x $plot->{log_x}" if $plot->{log_x};
  push @lines, "set logscale y $plot->{log_y}", "set format y '%.0f'"
    if $plot->{log_y};
  push @lines, 'set yrange [' . ($plot->{least_y} // 0) . ':*]'
    if $plot->{least_y} || !$plot->{log_y};
  if (my $categories = $plot->{categories}) {
    my $last = $#$categories;
    my $tics = join ', ', map { tic ($categories->[$_]) . " $_" } 0 .. $last;
    push @lines, "set xtics ($tics)", 'set xrange [-0.5:' . ($last + 0.5) . ']';
    push @lines, 'set xtics rotate by -25' if $last > 4;
  }
  else {
    push @lines, x_tics ($plot);
  }
  return @lines;
}

# A tic for each measured x.
sub x_tics {
  my ($plot) = @_;
  my %x;
  $x{ $_->[0] } = 1 for map { @{ $_->{points} } } @{ $plot->{series} };
  my @x = sort { $a <=> $b } keys %x;
  my @range = @x != 1 ? ()                # ... else there is nothing to span
    : 'set xrange [' . ($plot->{log_x} ? $x[0] / 2 . ':' . $x[0] * 2
                                       : $x[0] - 1 . ':' . ($x[0] + 1)) . ']';
  return @range, 'set xtics (' . join (', ', @x) . ')', 'set offsets graph 0.03, ' .
    'graph 0.03, 0, 0';
}

# Where there are categories, those of several series stand side by side.
sub data_block {
  my ($plot, $i) = @_;
  my $n = @{ $plot->{series} };
  my $step = !$plot->{categories} ? 0 : $plot->{bars} ? 0.8 / $n
    : 0.6 / ($n < 3 ? 3 : $n);
  my $shift = ($i - ($n - 1) / 2) * $step;
  return "\$d$i << END", map ({
    my ($x, @y) = @$_;
    join ' ', $x + $shift, @y;
  } @{ $plot->{series}[$i]{points} }), 'END';
}

sub how_drawn {
  my ($plot, $i) = @_;
  my $series = $plot->{series}[$i];
  my $style = ($series->{style} // $i) % @colours;
  my $colour = quoted ($colours[$style]);
  my $title = 'title ' . quoted ($series->{label});
  my $point = "pt $points[$style] ps 0.7 lc rgb $colour";
  if ($plot->{bars}) {
    my $width = 0.8 / @{ $plot->{series} };
    return "\$d$i using 1:2:3:4:($width) with boxerrorbars " .
      "fs pattern $patterns[$style] lc rgb $colour $title";
  }
  return "\$d$i using 1:2:3:4 with yerrorbars $point $title"
    if $plot->{points_only};
  return "\$d$i using 1:2 with linespoints dt $dashes[$style] $point $title, " .
    "\$d$i using 1:2:3:4 with yerrorbars $point notitle";
}

sub script {
  my ($plot) = @_;
  my @series = 0 .. $#{ $plot->{series} };
  return join ("\n",
    'set terminal svg size 760,400 noenhanced background "white" ' .
      'font "sans-serif,12"',
    'set key outside right top Left reverse samplen 4', 'set grid ytics',
    'set border 3', 'set tics nomirror', axes ($plot),
    map ({ data_block ($plot, $_) } @series),
    'plot ' . join (', ', map { how_drawn ($plot, $_) } @series)) . "\n";
}

# Several are to stand in one page: no id may be there twice.
sub embed {
  my ($plot, $svg) = @_;
  my $id = $plot->{id};
  $svg =~ s/^.*?(?=<svg)//s or die "gnuplot drew nothing for \"$id\"\n";
  $svg =~ s/\b(id|name)=(["'])/$1=$2$id-/g;
  $svg =~ s/href=(["'])#/href=$1#$id-/g;
  $svg =~ s/url\(#/url(#$id-/g;
  $svg =~ s{<title>Gnuplot</title>|<desc>.*?</desc>}{}gs;
  $svg =~ s/<svg/<svg id="$id" role="img"/;
  return $svg;
}

# It prints nothing else.
sub svg {
  my ($plot) = @_;
  my $file = File::Temp->new;
  print $file script ($plot);
  close $file or die "a temporary file: $!\n";
  open my $gnuplot, '-|', 'gnuplot', $file->filename or die "gnuplot: $!\n";
  my $svg = join '', <$gnuplot>;
  close $gnuplot or die "gnuplot could not draw \"$plot->{id}\"\n";
  return embed ($plot, $svg);
}

1;
