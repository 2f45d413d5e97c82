#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdbench does each of its phases, and its lines have what they should; data
# that is wrong ends it without figures.  (What the figures are, nobody looks
# at here: the pages are synthetic and the times a moment.)  It is run where it
# has been built.

set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(mktemp -d '/tmp/nbdkit-zram & a place-XXXXXX')
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
server=''
trap '[ ! "$server" ] || kill "$server" || :; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP

die ()
{
  echo "$0: FAILED: $*" >&2
  exit 1
}

# expect NAME PROGRAM: all lines of file NAME are as jq's PROGRAM has it.
expect ()
{
  jq -e -s "$2" "$dir/$1" >"$dir/said" || {
    cat "$dir/$1" >&2
    die "$1: not so: $2"
  }
}

# bench NAME ARGUMENT...: its lines are in file NAME.
bench ()
{
  local name=$1
  shift
  ./nbdbench -n "$name" -c "$dir/corpus" -S -t 0.05 -q "$@" >"$dir/$name" ||
    die "nbdbench $*"
}

# fails MESSAGE ARGUMENT...: it does, and that is its last word; there is no line
# of figures.
fails ()
{
  local message=$1
  shift
  if ./nbdbench -n fails -c "$dir/corpus" -t 0.05 "$@" >"$dir/out" \
    2>"$dir/err"; then
    die "it succeeded: $*"
  fi
  tail -n 1 "$dir/err" | grep -q -- "$message" || die "$*: $(<"$dir/err")"
  if grep -q '"phase":"read"' "$dir/out"; then die "figures: $*"; fi
}

# What every line has; and every line about a server of its own.
every='all (.[]; (.name | type == "string") and ([.round, .nth, .block, .depth,
  .connections, .ops, .seconds, .client_cpu, .device, .written, .verified,
  .p50, .p90, .p99, .p999, .max] | all (type == "number")) and .ops > 0 and
  .seconds > 0 and .p50 <= .p90 and .p90 <= .p99 and .p99 <= .p999 and
  .p999 <= .max and .max > 0)'
own='all (.[]; [.threads, .cpu, .memory, .rss, .taken] |
  all (type == "number"))'

libnbd_phases ()
{
  bench all -C 2 -r 3 -p fill,over,write,read,same,check,trim/256/1,check,\
scatter,check,fill/4/2,empty,read/16/1 -- ../zram.so @SIZE@
  expect all "$every"
  expect all "$own"
  expect all 'map (.phase) == ["fill", "over", "write", "read", "same",
    "check", "trim", "check", "scatter", "check", "fill", "empty", "read"]'
  expect all 'all (.[]; .client == "libnbd" and .connections == 2 and
    .round == 3 and .threads == 16 and .context_switches > 0)'
  expect all 'map (.nth) == [range (13)] and .[10].block == 16384 and
    .[10].depth == 2 and .[0].device == 8388608'
  # Which pages: not one figure of these is of real ones.
  expect all 'map (.content) == ["synthetic", "synthetic", "synthetic", "synthetic",
    "same-filled", "mixed", "mixed", "zeros", "synthetic", "mixed",
    "synthetic", "synthetic", "zeros"]'
  expect all 'map (.written / 1048576) ==
    [0, 8, 8, 8, 8, 8, 8, 0, 0, 0.03125, 0.03125, 8, 0]'
  # All is compared, and what was emptied is given back.
  expect all 'all (.[] | select (.phase == "check"); .verified == 2048)'
  expect all '.[3].verified > 0 and .[10].memory > .[11].memory + 1000000'
  # MemFree is looked at for a while when a server has been emptied.
  expect all 'map (has ("unsteady")) == [range (13) | . == 11] and
    .[11].unsteady >= 0'
  # Counted where something can count.
  expect all 'all (.[]; has ("syscalls") | not) or
    all (.[] | select (.seconds > 0.049 and (.phase | test ("read|write|same")));
      .syscalls > 1 and .syscalls < 100)'
}

# fio verifies what it writes; what it wrote is not for us to compare.
fio_phases ()
{
  bench fio -C 2 -t 0.5 -p fill,fioread,fiomixed,check,fill,check \
    -- ../zram.so @SIZE@
  expect fio "$every"
  expect fio "$own"
  expect fio 'map ([.phase, .client, .content]) == [
    ["fill", "libnbd", "synthetic"], ["read", "fio", "synthetic"],
    ["mixed", "fio", "synthetic"], ["check", "libnbd", "synthetic"],
    ["fill", "libnbd", "synthetic"], ["check", "libnbd", "synthetic"]]'
  expect fio '.[1].verified == 0 and .[2].verified > 0 and
    .[3].verified == 0 and .[5].verified == 2048'
}

# A server that was there, and holds the corpus, or does not.
others_server ()
{
  nbdkit -f -U "$dir/socket" -P "$dir/pid" memory 8M &
  server=$!
  for _ in {1..200}; do
    [ ! -s "$dir/pid" ] || break
    sleep 0.05
  done
  local path=${dir//&/%26}
  local uri="nbd+unix:///?socket=${path// /%20}/socket"
  nbdcopy "$dir/corpus" "$uri"
  bench other -u "$uri" -B 4 -p warm,read,beside,check -- sleep 0.1
  expect other "$every"
  expect other 'map (.phase) == ["read", "beside", "check"] and
    .[1].seconds > 0.09 and .[2].verified == 1024 and .[0].verified > 0'
  expect other 'all (.[]; has ("cpu") or has ("memory") | not)'
  fails 'false failed' -u "$uri" -p beside -- false
}

refusals ()
{
  # It keeps nothing, so what is read is wrong.
  fails 'wrong data' -p fill,read -- null @SIZE@
  bench kept -x -N -p fill,read -- null @SIZE@
  expect kept 'length == 2 and all (.[]; has ("syscalls") | not)'
  fails 'no such phase' -p fil -- memory @SIZE@
  fails 'not a number from 1 to 64' -C 0 -- memory @SIZE@
  fails 'not a number of seconds' -t 1x -- memory @SIZE@
  fails 'not a number of seconds' -t 0 -- memory @SIZE@
  fails 'not a number of seconds' -t nan -- memory @SIZE@
  fails 'PAGES must be' -p read/4x -- memory @SIZE@
  fails 'PAGES must be' -p read/4294967297 -- memory @SIZE@
  fails 'more than NAME' -p read/1/16/9 -- memory @SIZE@
  fails 'DEPTH must be' -p read/4/257 -- memory @SIZE@
  fails 'is not an option' -z -- memory @SIZE@
  fails 'too few' -p write/256/16 -- memory @SIZE@
  fails 'a COMMAND is wanted' -p beside -- memory @SIZE@
  fails 'nbdkit did not start' -- no-such-plugin
}

# Who is not read from any more ends, and leaves nothing behind; nor does
# whoever was run before.
nobody_reads ()
{
  local status=0
  ./nbdbench -n pipe -c "$dir/corpus" -t 0.05 -p fill,read,write,read,check \
    -- memory @SIZE@ 2>"$dir/err" | head -n 1 >"$dir/out" || status=$?
  [ "$status" -eq 1 ] || die "nobody reads: status $status"
  grep -q 'standard output' "$dir/err" || die "nobody reads: $(<"$dir/err")"
  [ -z "$(ls -A "$TMPDIR")" ] || die "left behind: $(ls -A "$TMPDIR")"
}

# command_is COMMAND ARGUMENT...: what repeats run with these.
command_is ()
{
  local said
  said=$(bash -c 'eval "$(sed -n "/^command_of ()/,/^}/p" "$0")"
    command_of "$@"' "$here/run" "${@:2}")
  [ "$said" = "$1" ] || die "to repeat ${*:2}: $said"
}

commands ()
{
  local tab=$'a\tb "c" $d'
  command_is 'bench/run'
  command_is "bench/run -w fio,trim -o 'a b'" -w fio,trim -o 'a b'
  command_is 'make bench' -b /build
  command_is "make bench-full BENCHFLAGS='-r 3 null'" -f -b /build -r 3 null
  command_is "make bench BENCHFLAGS=''\\''\$\$d'\\'''" -b /build '$d'
  bash -c '. "$0"; json "$1"' "$here/functions.sh" "$tab" >"$dir/json"
  [ "$(jq -r . "$dir/json")" = "$tab" ] || die "JSON: $(<"$dir/json")"
}

# The smallest comparison, by two contestants.
run_all ()
{
  "$here/run" -l >/dev/null
  "$here/run" -f -L >/dev/null
  "$here/run" -b .. -c "$dir/corpus" -q -w threads-1 -o "$dir/results.json" \
    zram-lz4 null >/dev/null 2>"$dir/err" || die "run: $(<"$dir/err")"
  jq '.measurements[]' "$dir/results.json" >"$dir/ran"
  jq '.about' "$dir/results.json" >"$dir/about"
  expect about '.[0].load | test ("^[0-9.]+$")'
  expect ran "$every"
  expect ran 'map ([.name, .phase, .threads, .content]) == [
    ["zram-lz4", "fill", 1, "synthetic"], ["zram-lz4", "write", 1, "synthetic"],
    ["zram-lz4", "read", 1, "synthetic"], ["null", "read", 1, "zeros"],
    ["null", "write", 1, "synthetic"], ["null", "same", 1, "same-filled"],
    ["null", "same", 1, "same-filled"], ["null", "read", 1, "mixed"]]'
}

# script_refuses MESSAGE SCRIPT ARGUMENT...: in one line, and nothing is made or
# measured.
script_refuses ()
{
  local message=$1 script=$2
  shift 2
  mkdir -p "$dir/unused"
  if TMPDIR=$dir/unused timeout 60 "$here/$script" -b .. "$@" >"$dir/out" \
    2>"$dir/err"; then
    die "it succeeded: $script $*"
  fi
  grep -q -- "$message" "$dir/err" || die "$script $*: $(<"$dir/err")"
  [ "$(wc -l <"$dir/err")" -eq 1 ] || die "$script $*: $(<"$dir/err")"
  [ ! -s "$dir/out" ] || die "figures: $script $*"
  rmdir "$dir/unused" || die "it left something: $script $*"
}

scripts_refuse ()
{
  script_refuses '-d abc: a number of rounds' poolrun -d abc
  script_refuses '-i 0: a number of MiB' poolrun -i 0
  script_refuses '-r abc: a number of rounds' profile -r abc
  script_refuses '-r 0: a number of rounds' profile -r 0
  script_refuses '-t x: a number of seconds' profile -t x
  script_refuses '-r abc: a number of rounds' writebackrun -r abc
  script_refuses 'no such part: nope' writebackrun nope
  script_refuses '-r 0: a number of rounds' compressionrun -r 0 latency
  script_refuses '-t 0: a number of seconds' compressionrun -t 0 latency
  script_refuses '-M 0: a number of minutes' run -M 0
  # Before the corpus is made.
  local out=$dir/results.json bad=/proc/x.json
  script_refuses '-o /proc/x.json: a file' run -c "$dir/none" -o $bad
  script_refuses '-o /proc/x.json: a file' poolrun -c "$dir/none" -o $bad
  script_refuses "-o $dir: a file" run -c "$dir/none" -o "$dir"
  script_refuses 'no such comparison: nope' run -c "$dir/none" -o "$out" -w nope
  script_refuses 'no such comparison: \*' run -c "$dir/none" -o "$out" -w '*'
  script_refuses 'no such contestant: \.\*' run -c "$dir/none" -o "$out" '.*'
  [ ! -e "$dir/none" ] || die 'a corpus was made'
}

# The ratio of the medians would be 2.
ratios_by_round ()
{
  printf '1 2\n9 3\n4 1\n' >"$dir/rounds"
  # shellcheck source=functions.sh
  [ "$(. "$here/functions.sh"; median_ratio "$dir/rounds" 1 2)" = 3.00 ] ||
    die 'no median of ratios'
}

# One at a time in the directory that they share.
two_at_a_time ()
{
  local shared=$dir/shared/nbdkit-zram-bench-$UID lock
  mkdir -p "$shared"
  exec {lock}<"$shared"
  flock "$lock"
  if TMPDIR=$dir/shared "$here/run" -b .. -S -q >/dev/null 2>"$dir/err"; then
    die 'two ran at a time'
  fi
  grep -q "another benchmark is running in $shared" "$dir/err" ||
    die "two at a time: $(<"$dir/err")"
  exec {lock}<&-
}

# Without perl there is no report, which is said at once.
without_perl ()
{
  local program
  mkdir "$dir/bin"
  for program in bash dirname mktemp rm cut sed nproc awk mkdir grep; do
    ln -s "$(command -v "$program")" "$dir/bin/$program"
  done
  if PATH=$dir/bin "$here/run" -b .. -c "$dir/corpus" -o "$dir/results.json" \
    -q >/dev/null 2>"$dir/err"; then
    die 'it ran without perl'
  fi
  [ "$(<"$dir/err")" = 'perl is needed, and not installed' ] ||
    die "without perl: $(<"$dir/err")"
}

for program in jq fio nbdkit nbdcopy; do
  command -v "$program" >/dev/null ||
    { echo "SKIPPED: it needs $program"; exit 77; }
done
./corpus -S -m 8 -o "$dir/corpus" >"$dir/corpus.txt"
libnbd_phases
fio_phases
others_server
refusals
nobody_reads
scripts_refuse
ratios_by_round
two_at_a_time
without_perl
commands
run_all
