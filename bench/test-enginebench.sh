#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every subcommand of enginebench runs, on a few synthetic pages, and prints the
# lines that it should: figures, of the right number.  What they are means
# nothing here.

# shellcheck source=../tests/server/functions.sh.in
. ../tests/server/functions.sh

requires jq --version

corpus=$dir/corpus
out=$dir/out
tested=()

# bench SUBCOMMAND ARGUMENT...: what it prints is in $out.
bench ()
{
  tested+=("$1")
  ./enginebench "$@" >"$out" 2>"$dir/error" ||
    die "$*: $(cat "$dir/error")"
}

# has_lines N PATTERN: so many that look like that, as a whole.
has_lines ()
{
  local n
  n=$(grep -cxE "$2" "$out") || :
  [ "$n" -eq "$1" ] ||
    die "${tested[-1]}: $n lines, not $1, are like $2: $(cat "$out")"
}

# has_rows N KEY...: so many objects of JSON and nothing else, each with a number
# for each key.
has_rows ()
{
  local n=$1 keys
  shift
  keys=$(printf '%s\n' "$@" | jq -R . | jq -s .)
  jq -s -e --argjson keys "$keys" --argjson n "$n" '
    length == $n and all (.[]; . as $row |
      all ($keys[]; $row[.] | type == "number"))' "$out" >"$dir/jq" 2>&1 ||
    die "${tested[-1]}: not $n rows with $*: $(cat "$out")"
}

number='[0-9]+(\.[0-9]+)?'

./corpus -S -m 2 -o "$corpus" >"$dir/made"
./corpus -S -m 8 -o "$corpus.large" >"$dir/made"

bench breathe -j -m 4 -r 1 "$corpus"
has_rows 1 round peak_rss left_rss peak_machine left_machine percent_rss

# The kernel's zram may be missing; the others have nine phases.
bench density -a zstd "$corpus"
jq -s -e '[.[] | select (.skipped | not) | .name | sub ("-.*"; "")] |
  [(map (select (. == "zram")) | length), (map (select (. == "model")) | length)]
  == [9, 9]' "$out" >"$dir/jq" || die "density: $(cat "$out")"

bench engine "$corpus" lz4 zstd
has_rows 2 pages compressed compress decompress write read

bench levels "$corpus"
has_lines 1 'lz4 +1( +[0-9.]+){5}'
has_lines 1 'zstd +22( +[0-9.]+){5}'

bench pagerates -r 1 "$corpus"
has_lines 1 "page writes +engine $number/s .*"
has_lines 1 "page reads +engine $number/s .*"

# Two rounds of three heaps and mixes, by one thread and where there are two
# CPUs by two; pins; reads in two ways.
bench pool -m 1 -n 1000 -o 1000 -r 1
cpus=$(nproc)
has_rows $((2 * 3 * 3 * (cpus > 1 ? 2 : 1) + 2 * 3)) ns round

# To train a dictionary takes some pages.
bench recompressed -d 2 -l 1 "$corpus.large"
has_lines 3 "here, .* pool +$number %, all +$number %"

# Three layouts, with two contents; on one side all is counted by the page.
bench sparse -j -r 2 -m 4 -s 4 "$corpus"
has_rows 6 run written pool metadata page_tables table table_page_tables
jq -s -e 'all (.[]; .table > 0 and .metadata >= .table and .round == 2)' "$out" \
  >"$dir/jq" || die "sparse: less memory than the table must have: $(cat "$out")"

bench spread -r 1 "$corpus"
has_lines 36 "(lz4|zstd) +(read|write) +[0-9]+( +[0-9.]+){5}"

# Of each kind the stages of a write and of a read, the rest, and the whole: the
# whole is the sum of the others.
bench stages -j -d "$dir" -n 64 -r 1 "$corpus"
has_rows 77 ns least most
jq -s -e 'group_by ([.kind, .op]) | length == 10 and all (.[];
    (map (select (.stage == "whole").ns) | add) as $whole |
    (map (select (.stage != "whole").ns) | add - $whole | fabs) < 2)' "$out" \
  >"$dir/jq" || die "stages: they are not the whole: $(cat "$out")"

bench statcost -r 1 -s 16M -l 64M
has_lines 1 "mm_stat( +[0-9.]+){3}"
has_lines 1 "all( +[0-9.]+){3}"

# Two algorithms, four ways, two operations, by one thread and by two.
bench threads -j -r 1 -T 2 "$corpus"
has_rows 32 threads ops seconds round
# Every second round has the fewest first, whichever is the first round.
bench threads -j -r 1 -f 2 -T 2 "$corpus"
has_rows 32 threads ops seconds round
jq -se '.[0].threads == 1 and all (.round == 2)' "$out" >"$dir/jq" ||
  die "threads: this is no second round: $(cat "$out")"

bench writtenback written "$dir/store" "$corpus.large"
has_lines 3 "(60|80) % full, (uniform|90/10) +$number"
for kind in rate read latency; do
  bench writtenback -t 50 "$kind" "$dir/store" "$corpus"
  has_lines 1 "$number $number"
  bench writtenback -s -t 50 "$kind" "$dir/store" "$corpus"
  has_lines 1 "$number $number"
  [ ! -e "$dir/store" ] || die "writtenback $kind: it left the store"
done

# And no other is there.
./enginebench --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort >"$dir/listed"
printf '%s\n' "${tested[@]}" | sort -u | diff "$dir/listed" - ||
  die 'those that were listed are not those that were tested'
while read -r subcommand; do
  bench "$subcommand" -h
  has_lines 1 "Usage: enginebench $subcommand.*"
done <"$dir/listed"

# What is wrong is said in one line.
! ./enginebench threads -r 0 "$corpus" 2>"$out" || die '-r 0 was taken'
has_lines 1 'enginebench threads: -r: "0" is not a number from 1 to 101'
! ./enginebench levels 2>"$out" || die 'no corpus was taken'
has_lines 1 'enginebench levels: too few words where "CORPUS" .*'
! ./enginebench engine "$corpus" lz5 2>"$out" || die 'lz5 was taken'
has_lines 1 'enginebench engine: "lz5" is not an algorithm of this build'

# Where nothing is compressed, JSON has no number for what it is divided by.
head -c 64K /dev/zero >"$dir/zeros"
bench density -a lz4 "$dir/zeros"
jq -s -e 'any (.[]; .phase == "fill" and .compressed == 0 and
  has ("overhead") and .overhead == null)' "$out" >"$dir/jq" ||
  die "density of zeros: $(cat "$out")"

# refused MESSAGE ARGUMENT...: it fails with that one line, after whose the pages
# are.
refused ()
{
  ! ./enginebench "${@:2}" >"$dir/printed" 2>"$out" || die "taken: ${*:2}"
  sed -i '/: the pages of .* are [A-Z]*$/d' "$out"
  [ "$(wc -l <"$out")" -eq 1 ] || die "${*:2}: $(cat "$out")"
  has_lines 1 "enginebench $1"
}

cp "$corpus" "$dir/precious"
refused 'writtenback: .*/precious: is there already, .*' \
  writtenback rate "$dir/precious" "$corpus"
cmp "$corpus" "$dir/precious"
refused 'writtenback: .* "written": 8 MiB of real ones are enough' \
  writtenback written "$dir/store" "$corpus"
refused 'writtenback: .*: 0 of its pages are not same-filled, .*' \
  writtenback rate "$dir/store" "$dir/zeros"
[ ! -e "$dir/store" ] || die 'writtenback left the store when it failed'
refused 'sparse: too many words where .*' sparse "$corpus" junk
refused 'recompressed: .* train no dictionary .*' recompressed "$corpus"
refused 'levels: .*/zeros: all of its pages are same-filled, .*' \
  levels "$dir/zeros"
