# SPDX-License-Identifier: BSD-3-Clause
# The heading, the tables and the plots as one page of HTML, which needs nothing
# else; and without plots as Markdown, which names no place on the machine.

package Document;
use strict;
use warnings;
use Exporter 'import';
use Figures;
use Gnuplot;

our @EXPORT = qw(html markdown);

my $title = 'nbdkit-zram: the last benchmark';
my $reading = 'Medians over the rounds, and (least..most); every ratio is one '
  . 'of figures of the same round. "depth 16 x 4", or "16 x 4": 16 requests '
  . 'under way on each of 4 connections. "filled in order": reads of what '
  . 'nothing was written over. Data is pages that programs had in memory, '
  . 'unless it says otherwise. "Not decided": not all rounds are on that side '
  . 'of the target, or there are fewer than three.';

# The command without the places that this machine has things in.
sub command {
  my ($about) = @_;
  my $command = $about->{command} // 'make bench';
  $command =~ s{'/(?:[^'/]+/)*}{'}g;
  $command =~ s{(?<![\w./])/(?:[^\s/]+/)*}{}g;
  return $command;
}

# What is known of the run, as [what, text].
sub facts {
  my ($about, $rounds) = @_;
  my $memory = $about->{memory} // '';
  my $data = ($about->{corpus}{size} >> 20) . ' MiB of ' .
    (origin ($about) ? origin ($about) . ' pages' : "real programs' pages");
  return grep { defined $_->[1] && $_->[1] ne '?' } (
    [ 'date', $about->{date} ],
    [ 'machine', "$about->{cpu}, $about->{cpus} CPUs" .
      ($memory =~ /^\d+$/ ? sprintf ', %.1f GiB', $memory / 1048576 : '') ],
    [ 'frequency governor', $about->{governor} eq '?' ? 'not known'
                                                      : $about->{governor} ],
    [ 'kernel', $about->{kernel} ],
    [ 'compiler', $about->{compiler} // 'not known' ],
    [ 'load at the start', $about->{load} // 'not known' ],
    [ 'server', $about->{nbdkit} ],
    [ 'liblz4', $about->{lz4} ], [ 'libzstd', $about->{zstd} ],
    [ 'data', $data ], map ({ [ '', $_ ] } @{ $about->{corpus}{from} }),
    [ 'rounds', "$rounds, contestants in turn" ],
    [ 'to repeat it', command ($about) ],
  );
}

# HTML, which is XML as well.

sub escaped {
  my ($text) = @_;
  my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
  $text =~ s/([&<>"])/$entity{$1}/g;
  return $text;
}

sub html_row {
  my ($tag, @cells) = @_;
  my $row = join '', map { my $cell = escaped ($_);
    $cell = "<strong>$cell</strong>" if /^NOT MET/;
    "<$tag>$cell</$tag>" } @cells;
  return "<tr>$row</tr>\n";
}

sub html_table {
  my ($table) = @_;
  return join '', '<h2>', escaped ($table->{title}), "</h2>\n<table>\n<thead>",
    html_row ('th', @{ $table->{columns} }), "</thead>\n<tbody>",
    map ({ html_row ('td', @$_) } @{ $table->{rows} }),
    "</tbody>\n</table>\n";
}

sub html_plots {
  my (@plots) = @_;
  return "<p><strong>No plots: gnuplot is not installed.</strong></p>\n"
    unless has_gnuplot ();
  return join '', "<h2>Plots</h2>\n<p>Bars from a point show the least and the "
    . "most of the rounds.</p>\n",
    map { "<figure>\n" . svg ($_) . "</figure>\n" } @plots;
}

sub style {
  return <<'END';
<style>
body { font: 15px/1.4 sans-serif; color: #000; background: #fff;
  max-width: 76em; margin: 1em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 13px }
th, td { border: 1px solid #999; padding: 2px 7px; text-align: right }
th:first-child, td:first-child { text-align: left }
th { background: #eee }
figure { margin: 1em 0; break-inside: avoid }
svg { max-width: 100%; height: auto }
tr { break-inside: avoid }
</style>
END
}

sub html {
  my ($about, $rounds, $targets, $tables, $plots) = @_;
  my @facts = map { html_row ('td', @$_) } facts ($about, $rounds);
  return join '', "<!DOCTYPE html>\n",
    "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n",
    "<meta charset=\"utf-8\"/>\n<title>$title</title>\n", style (),
    "</head>\n<body>\n<h1>$title</h1>\n<table>\n<tbody>", @facts,
    "</tbody>\n</table>\n<p>", escaped ($reading), "</p>\n",
    html_table ($targets), html_plots (@$plots),
    map ({ html_table ($_) } @$tables), "</body>\n</html>\n";
}

# Markdown.

sub markdown_row {
  return '| ' . join (' | ', map { s/\|/\\|/gr } @_) . " |\n";
}

sub markdown_table {
  my ($table) = @_;
  my @columns = @{ $table->{columns} };
  return join '', "\n## $table->{title}\n\n", markdown_row (@columns),
    '|', '---|', '---:|' x $#columns, "\n",
    map { markdown_row (@$_) } @{ $table->{rows} };
}

sub markdown {
  my ($about, $rounds, $targets, $tables) = @_;
  return join '', "<!-- SPDX-License-Identifier: BSD-3-Clause -->\n",
    "<!-- Made by bench/report. -->\n# $title\n\n",
    map ({ "- $_->[0]: $_->[1]\n" =~ s/^- : /  - /r }
      facts ($about, $rounds)),
    "\n$reading\n", map { markdown_table ($_) } $targets, @$tables;
}

1;
