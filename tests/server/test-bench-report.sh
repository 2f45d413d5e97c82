#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The benchmark's report: medians, ratios by round, targets that are met, missed
# and not measured, where data is not real; JSON, a page with plots, Markdown;
# one line for bad input.
#
# THE FIGURES HERE ARE MADE UP, nobody measured them.

# shellcheck source=functions.sh.in
. ./functions.sh

report=$top_srcdir/bench/report
raw=$dir/raw
results=$dir/results.json
requires perl -MJSON::PP -e 1
requires jq --version
requires python3 --version

# row ROUND NAME PHASE FIELDS [NTH]: a line of nbdbench's; each first one has a
# server of its own.
row ()
{
  printf '{"name":"%s","round":%d,"phase":"%s","nth":%d,%s}\n' \
    "$2" "$1" "$3" "${5:-0}" "$4"
}

# rate ROUND NAME PHASE OPS [FIELDS]: so many thousand requests in a second.
rate ()
{
  local fields='"block":4096,"depth":16,"connections":1,"cpu":0.5'
  row "$1" "$2" "$3" "$fields,\"seconds\":1,\"ops\":${4}000${5:+,$5}"
}

# memory NTH PHASE BYTES: zram's, after 1 MiB was written, or less.
memory ()
{
  local had="\"memory\":$3,\"rss\":$3,\"taken\":$(($3 + 40000))"
  row 1 zram-lz4 "$2" "\"ops\":16,\"block\":65536,$had" "$1"
}

servers ()
{
  local block name threads n one='"ops":10,"seconds":1,"cpu":0.001'
  local latency='"p50":10,"p90":20,"p99":30,"p999":40,"max":50'
  # zram's reads are 0.5, 0.9 and 1.9 of malloc's: 0.9, where the ratio of the
  # medians is 0.95.
  rate 1 zram-lz4 read 50 "$latency"
  rate 1 memory-malloc read 100 "$latency"
  rate 2 memory-malloc read 200
  rate 2 zram-lz4 read 180
  rate 3 zram-lz4 read 95
  rate 3 memory-malloc read 50
  rate 1 zram-lz4 write 61
  rate 1 memory-malloc write 100
  for n in 1 2 3; do
    rate $n zram-zstd1 write 9$n
    rate $n memory-zstd write 10
  done
  rate 1 zram-lz4 same 96
  rate 1 memory-malloc same 100 '"content":"same-filled"'
  rate 1 zram-lz4 mixed 7 '"client":"fio","content":"synthetic"'
  for block in 4096 65536; do
    for name in zram-lz4 memory-malloc; do
      row 1 $name read "\"block\":$block,\"depth\":1,\"connections\":1,$one"
    done
  done
  for threads in 1 2; do
    rate 1 zram-lz4 read $((threads * 50)) "\"threads\":$threads"
  done
  memory 0 fill 400000
  for n in 1 2 3; do memory $n over 500000; done
  memory 4 empty 10000
  # What is left of MemFree is not known of a round in which it moved by itself.
  row 2 zram-lz4 fill '"block":65536,"ops":16,"rss":500000,"taken":540000'
  row 2 zram-lz4 empty '"rss":10000,"taken":400000,"unsteady":30000' 1
  row 3 zram-lz4 fill '"block":65536,"ops":16,"rss":500000,"taken":540000'
  row 3 zram-lz4 empty '"rss":10000,"taken":50000,"unsteady":5000' 1
  row 1 zram-zstd fill '"block":65536,"ops":16,"rss":1000000,"taken":700000'
  row 1 zram-zstd empty '"rss":0,"taken":-50000' 1
  echo '{"name":"kernel-lz4","skipped":"there is <none>"}'
}

# metadata RUN BYTES PAGE-TABLES: of 1000 bytes that were written.
metadata ()
{
  row 1 zram-lz4 metadata "\"run\":$1,\"content\":\"corpus\",\"written\":1000,\
\"metadata\":$2,\"page_tables\":$3"
}

# trim NAME PHASE BLOCK OPS SECONDS: of 16 GiB, after so many writes of so many
# bytes.
trim ()
{
  local content='"content":"same-filled","device":17179869184'
  row 1 "$1" "$2" "\"block\":$3,\"ops\":$4,$content"
  row 1 "$1" trim "\"block\":65536,\"ops\":262144,\"seconds\":$5,$content" 1
}

sparse ()
{
  local name all='"block":65536,"ops":65536,"device":4294967296'
  trim zram-lz4 fill 65536 262144 2
  trim memory-sparse fill 65536 262144 1
  trim zram-lz4 scatter 4096 16384 3
  trim memory-sparse scatter 4096 16384 4
  trim zram-lz4 fill 4096 1 9
  metadata 1048576 9 1
  metadata 65536 71 9
  metadata 4096 500 9
  # A device of which there is no target is shown.
  for name in zram-lz4 memory-sparse; do
    row 1 "$name" fill "$all"
    row 1 "$name" trim "$all,\"seconds\":3" 1
  done
}

engine ()
{
  local op threads codec='"compress":4,"decompress":1,"write":5,"read":2'
  row 1 codec-lz4 engine "$codec,\"compressed\":300000,\"huge\":0"
  for op in read write; do
    echo '{"stage":"look-up","op":"'$op'","kind":"lz4","ns":-10}'
    echo '{"stage":"codec","op":"'$op'","kind":"lz4","ns":20,"least":15,' \
      '"most":40,"round":1}'
    echo '{"stage":"look-up","op":"'$op'","kind":"same","ns":9,"made":true}'
    echo '{"stage":"codec","op":"'$op'","kind":"huge","ns":9,"made":true}'
    for threads in 1 2; do
      echo '{"name":"zram-lz4","op":"'$op'","threads":'$threads',"ops":100,' \
        '"seconds":1,"round":1}'
    done
  done
}

guest ()
{
  row 1 zram-lz4 guest '"op":"read","us":355'
  row 2 zram-lz4 guest '"op":"read","us":365'
  row 1 null guest '"op":"read","us":305'
}

# is FILTER WHAT: what jq gets out of the results.
is ()
{
  local found
  found=$(jq -r "$1" "$results")
  [ "$found" = "$2" ] || die "$1: $found, and not $2"
}

# target WHAT RESULT MET: the target's median, and whether it is met; "null" for
# what was not measured.
target ()
{
  is "[.targets[] | select (.what == \"$1\")] | length" 1
  is ".targets[] | select (.what == \"$1\") | .result.median, .met" "$2
$3"
}

# decided WHAT WHETHER: do all rounds say so, and enough of them?
decided ()
{
  is ".targets[] | select (.what == \"$1\") | .decided" "$2"
}

# The line in which file $1 has the words $2 has the words $3, too.
says ()
{
  grep -F -- "$2" "$1" | grep -qF -- "$3" || die "$1: \"$2\" without \"$3\""
}

# refused LINE WORDS: as one line of RAW it ends report with one line that has
# these words.
refused ()
{
  local status=0
  echo "$1" >"$dir/bad"
  "$report" "$dir/bad" "$dir/corpus" "$dir/bad.json" >"$dir/out" 2>"$dir/err" ||
    status=$?
  [ "$status" -eq 1 ] || die "$1: status $status"
  [ ! -s "$dir/out" ] || die "$1: it was reported"
  [ "$(wc -l <"$dir/err")" -eq 1 ] || die "$1: $(cat "$dir/err")"
  says "$dir/err" 'report: ' "$2"
}

# Well-formed, and no id is there twice.
well_formed ()
{
  python3 - "$1" <<'END' || die "$1 is not well-formed"
import sys, xml.etree.ElementTree as tree
ids = [e.get ("id") for e in tree.parse (sys.argv[1]).iter () if e.get ("id")]
sys.exit (len (ids) != len (set (ids)))
END
}

truncate -s 1M "$dir/corpus"
echo 'made up for a test' >"$dir/corpus.txt"
{
  printf '%s' '{"about":{"command":"run -c /a/place/corpus -r 3' \
    ' -o \u0027/a/place to/r\u0027","compiler":"cc 1","load":"0.25"}}' $'\n'
  servers
  sparse
  engine
  guest
} >"$raw"
"$report" -m "$dir/RESULTS.md" "$raw" "$dir/corpus" "$results" >"$dir/out" \
  2>"$dir/err"
# (memory was read at one size only)
[ ! -s "$dir/err" ] || die "it said: $(<"$dir/err")"

# Medians and targets.
read='4 KiB read, depth 16 x 1, filled in order'
is ".figures[\"zram-lz4\"][\"rate: $read\"] | .median, .min, .max" \
  $'95000\n50000\n180000'
is '.measurements[] | select (.phase == "over") | .memory' \
  $'500000\n500000\n500000'
is '[.measurements[] | .round, .block | type] | unique | join (" ")' \
  'null number'
target '4 KiB reads, 16 x 1, zram-lz4 / memory-malloc' 0.9 true
target '4 KiB writes, 16 x 1, zram-lz4 / memory-malloc' 0.61 false
target '4 KiB same-filled writes, 16 x 1, zram-lz4 / memory-malloc' 0.96 true
target '4 KiB reads, 64 x 4, zram-lz4 / memory-malloc' null null
target 'TRIM of 16 GiB, every page written, zram-lz4 / memory-sparse' 2 false
target 'TRIM of 16 GiB, one page per MiB, zram-lz4 / memory-sparse' 0.75 true
is '.figures["zram-lz4"]["trim: 16 GiB, 4 KiB written"].median' 9
target 'growth left when emptied, % of peak, RSS, zram-lz4' 2 true
target 'growth left when emptied, % of peak, MemFree, zram-lz4' \
  9.25925925925926 false
target 'growth left when emptied, % of peak, RSS, zram-zstd' 0 true
target 'growth left when emptied, % of peak, MemFree, zram-zstd' null null
target 'metadata of 1 GiB in 1 TiB, %, runs of 1 MiB' 1 true
target 'metadata of 1 GiB in 1 TiB, %, runs of 64 KiB' 8 false
target 'metadata of 1 GiB in 1 TiB, %, single pages' 50.9 null
target '... of 4 GiB, every page written, zram-lz4 / memory-sparse' 1 null

# Three rounds of which one is on the other side; three on one side; one, which
# cannot be enough; and what has no side.
decided '4 KiB reads, 16 x 1, zram-lz4 / memory-malloc' false
decided '4 KiB writes, 16 x 1, zram-zstd1 / memory-zstd' true
decided '4 KiB writes, 16 x 1, zram-lz4 / memory-malloc' false
decided 'metadata of 1 GiB in 1 TiB, %, single pages' null

# What a person reads.
for row in '4 KiB reads, 16 x 1, zram-lz4:yes, not decided' \
  '4 KiB writes, 16 x 1, zram-lz4:NO, not decided' \
  'or by fewer than three:not decided: not by all' \
  '4 KiB reads, 64 x 4:not measured' 'same-filled writes, 16 x 1:same-filled' \
  'single pages:-' 'kernel-lz4:not run: there is <none>'; do
  says "$dir/out" "${row%%:*}" "${row#*:}"
done
for row in '4 KiB reads, 16 x 1, zram-lz4:| met, not decided | real pages' \
  '4 KiB writes, 16 x 1, zram-zstd1:| met | real pages' \
  '4 KiB writes, 16 x 1, zram-lz4:NOT MET, not decided' \
  '4 KiB reads, 64 x 4:not measured' \
  'same-filled writes, 16 x 1:same-filled pages' 'single pages:shown' \
  "to repeat it:run -c corpus -r 3 -o 'r'" 'compiler:cc 1' \
  'load at the start:0.25' \
  "$read:95.0 (50.0..180)" 'codec |:20.0 (15.0..40.0, 1 round)' \
  "$read, zram-lz4 |:| 1.00 (1.00..1.00, 1 round) | 2.00 (2.00..2.00, 1 rou" \
  'zram-lz4 | - |:360 (355..365, 2 rounds)' 'null | - |:305'; do
  says "$dir/RESULTS.md" "${row%%:*}" "${row#*:}"
done
grep -F /a/place "$dir/RESULTS.md" && die 'RESULTS.md has a path in it'
grep -F "$dir" "$dir/RESULTS.md" && die 'RESULTS.md has a path in it'

# The page.
page=$dir/results.html
well_formed "$page"
says "$page" '4 KiB writes, 16 x 1, zram-lz4' \
  '<strong>NOT MET, not decided</strong>'
says "$page" 'load at the start' '0.25'
says "$dir/RESULTS.md" '4 KiB mixed, depth 16 x 1, fio' SYNTHETIC
if gnuplot --version >/dev/null 2>&1; then
  for id in cpu depth-4-kib-reads-1-connection-filled-in-order \
    block-reads-depth-1-x-1-filled-in-order \
    latency-4-kib-read-depth-16-x-1-filled-in-order memory-by-data \
    memory-overwritten scaling-read-lz4 scaling-write-lz4 \
    threads-4-kib-read-depth-16-x-1-filled-in-order stages-read stages-write; do
    [ "$(grep -c "<svg id=\"$id\"" "$page")" -eq 1 ] || die "no plot $id"
  done
  says "$page" 'same: same-filled pages' '<text>'
  says "$page" 'huge: SYNTHETIC pages' '<text>'
fi
grep -E '<script|(src|href)=.?(https?:|/)' "$page" &&
  die 'the page is not all there is'

# From its own results the same comes out.
cp "$results" "$dir/again.json"
"$report" -m "$dir/again.md" "$dir/again.json" >/dev/null
for file in json html md; do
  cmp "$dir/again.$file" "$dir"/[rR][eE][sS]*."$file" || die "another $file"
done

# What is nothing is compared with by nobody.
jq '(.measurements[] | select (.name == "memory-malloc" and .cpu) | .cpu) = 0 |
  (.measurements[] | select (.compress) | .compress, .decompress) = 0' \
  "$results" >"$dir/nothing.json"
"$report" "$dir/nothing.json" >"$dir/out" 2>"$dir/err"
[ ! -s "$dir/err" ] || die "it said: $(<"$dir/err")"
says "$dir/out" 'server CPU of a 4 KiB write, 16 x 1, zram-lz4' 'not measured'

# Without gnuplot.
mkdir "$dir/bin"
ln -s "$(command -v perl)" "$dir/bin/perl"
PATH=$dir/bin "$(command -v perl)" "$report" "$dir/again.json" >"$dir/out"
says "$dir/out" again.html 'gnuplot is not installed'
well_formed "$dir/again.html"
says "$dir/again.html" 'No plots' 'gnuplot is not installed'
grep '<svg' "$dir/again.html" && die 'a plot without gnuplot'

# Synthetic pages.
echo 'synthetic: made up for a test' >"$dir/corpus.txt"
"$report" -m "$dir/RESULTS.md" "$raw" "$dir/corpus" "$results" >"$dir/out"
says "$dir/out" '4 KiB reads, 16 x 1, zram-lz4' '(SYNTHETIC pages)'
says "$dir/RESULTS.md" '| 4 KiB reads, 16 x 1, zram-lz4' '| SYNTHETIC pages'
says "$dir/RESULTS.md" '## Memory' 'SYNTHETIC pages'
grep -q 'real pages' "$dir/RESULTS.md" && die 'synthetic pages are called real'

# Pages of a file that nothing says anything of, by a run that does not say
# either how busy the machine was.
rm "$dir/corpus.txt"
sed -i 1d "$raw"
"$report" -m "$dir/RESULTS.md" "$raw" "$dir/corpus" "$results" >"$dir/out"
says "$dir/RESULTS.md" 'load at the start' 'not known'
says "$dir/out" 'Data: ' 'UNKNOWN pages'
says "$dir/RESULTS.md" '| 4 KiB reads, 16 x 1, zram-lz4' '| UNKNOWN pages'
grep -q "real pages\|real programs" "$dir/RESULTS.md" "$dir/out" &&
  die 'unknown pages are called real'

refused 'zram-lz4' 'line 1: not JSON'
refused '{"round":1}' '"name"'
refused '{"name":"null","skipped":"no"}' 'nothing was measured'
refused "$(row 1 zram-lz4 read '"ops":0')" '"ops" is 0'
refused "$(row 1 zram-lz4 read '"ops":1')" '"read" needs "seconds"'
refused "$(row 1 zram-lz4 trim '"ops":"many"')" '"trim" needs "seconds"'

# edited FILTER WORDS: results that jq has changed end it as well, and nothing
# is written over.
edited ()
{
  local status=0 before
  jq "$1" "$results" >"$dir/edited.json"
  before=$(ls -l --time-style=full-iso "$dir"/edited.*)
  "$report" "$dir/edited.json" >"$dir/out" 2>"$dir/err" || status=$?
  [ "$status" -eq 1 ] || die "$1: status $status"
  [ "$(wc -l <"$dir/err")" -eq 1 ] || die "$1: $(<"$dir/err")"
  says "$dir/err" 'edited.json' "$2"
  [ "$before" = "$(ls -l --time-style=full-iso "$dir"/edited.*)" ] ||
    die "$1: something was written"
}

edited '.measurements[3] |= del (.round)' 'measurement 4: "read" needs "round"'
edited '.measurements[0].ops = 0' 'measurement 1: "ops" is 0'
edited '.measurements[0].cpu = "much"' '"cpu" is not a number'
edited '.measurements[0].phase = {}' '"phase" is not a text'
edited '.measurements[0] = 7' 'measurement 1: not an object'
edited '.about.corpus.size = 0' '"size" must be a number of bytes'
edited '.about.corpus.size = "large"' '"size" must be a number of bytes'
edited 'del (.about.corpus)' '"about" needs "corpus"'
edited 'del (.about.cpus)' '"about" needs "cpus"'
edited '.skipped = 1' 'not what report wrote'

# All of a file or nothing: a page that cannot be, its temporary neither.
mkdir "$dir/no" "$dir/no/results.html"
! "$report" "$raw" "$dir/corpus" "$dir/no/results.json" >"$dir/out" \
  2>"$dir/err" || die 'a directory was written to'
[ "$(ls "$dir/no")" = $'results.html\nresults.json' ] || die "$(ls "$dir/no")"
status=0
"$report" "$raw" 2>"$dir/err" || status=$?
[ "$status" -eq 1 ] || die "RAW as RESULTS: status $status"
says "$dir/err" raw 'not what report wrote'
