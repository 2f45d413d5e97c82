#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every parameter that is missing, unknown, empty, out of range, negative,
# overflowing, repeated or followed by rubbish ends nbdkit with status 1 and one
# line that names the parameter; in the foreground and when it was to go into
# the background, where nobody would read the line later.  No server is left,
# nor a socket, nor a file that was to be made.

# shellcheck source=functions.sh.in
. ./functions.sh

requires pgrep --version
failures=0

complain ()
{
  echo "FAILED: nbdkit $*"
  sed 's/^/    /' "$dir/error"
  failures=$((failures + 1))
}

# check_run MODE PATTERN PARAMETER...  Hundreds of times: in bash's own words.
check_run ()
{
  local mode=$1 pattern=$2 status=0 file
  local -a options=(-P "$dir/pid" -U "$dir/socket") lines
  shift 2
  [ "$mode" = background ] || options+=(-f)
  timeout 60 "$nbdkit" "${options[@]}" "$plugin" "$@" \
    2>"$dir/error" </dev/null || status=$?
  mapfile -t lines <"$dir/error"

  [ "$status" -eq 1 ] || complain "$mode $*: exit status $status"
  [ "${#lines[@]}" -eq 1 ] || complain "$mode $*: not one line"
  [[ ${lines[0]-} =~ ^nbdkit:\ (zram:\ )?error:\ .*$pattern ]] ||
    complain "$mode $*: the line does not match \"$pattern\""
  for file in pid socket stats store control; do
    [ -e "$dir/$file" ] || continue
    complain "$mode $*: there is a file $file"
    rm -f "$dir/$file"
  done
}

# bad PATTERN PARAMETER...: in both modes.  What starts in the background would
# run until its time is up in the foreground, and has been complained of.
bad ()
{
  local before=$failures
  check_run background "$@"
  [ "$failures" -gt "$before" ] || check_run foreground "$@"
}

# Missing.
bad 'disksize'
bad 'disksize' comp_algorithm=lz4
bad 'disksize' mem_limit=1M "statsfile=$dir/stats"

# Unknown, or that can only be read.
bad "'foo'" 1M foo=1
bad "'foo'" foo=1 1M
bad "'foo'" foo= 1M
bad "'Disksize'" Disksize=1M
bad "'disk_size'" disk_size=1M
bad "'comp_algoritm'" 1M comp_algoritm=lz4
bad "'mm_stat'" 1M mm_stat=1
bad "'io_stat'" 1M io_stat=
bad "'frag_stat'" 1M frag_stat=1
bad "'swap_stat'" 1M swap_stat=1
bad "'compact'" 1M compact=1

# Empty.
bad 'disksize' disksize=
bad 'disksize' size=
bad 'comp_algorithm' 1M comp_algorithm=
bad 'mem_limit' 1M mem_limit=
bad 'compact_threshold' 1M compact_threshold=
bad 'swap' 1M swap=
bad 'reserve' 1M reserve=
bad 'reserve_waiters' 1M reserve_waiters=
bad 'statsfile' 1M statsfile=

# Out of range.
for size in 0 0K 0x0 00 17592186044417 17T 16385G 0x100000000001 1P 1E 15E; do
  bad 'disksize.*16T' "disksize=$size" "statsfile=$dir/stats"
  bad 'disksize.*16T' "size=$size"
  bad 'disksize.*16T' "$size"
done

# Negative.
bad 'disksize' -- -1
bad 'disksize' disksize=-1
bad 'disksize' size=-1K
bad 'disksize' size=-0
bad 'mem_limit' 1M mem_limit=-1

# Overflowing 64 bits.
for size in 18446744073709551615 18446744073709551616 16E 17179869184G \
            18014398509481984K 0x10000000000000000 99999999999999999999999 \
            02000000000000000000000 20000P
do
  bad 'disksize' "disksize=$size"
  bad 'disksize' "$size"
  bad 'mem_limit' 1M "mem_limit=$size"
done

# Not a size, or something after it.
for size in 1MB 1MiB 1KK 1.5G 1e9 '1M ' ' 1M' 1,000 abc K 0x 0xg 08 09K +1 \
            1B 1_000 1M2 '1 M' 1Z '' $'1\tM' 1M=1 '0 x10'
do
  bad 'disksize' "disksize=$size"
  bad 'mem_limit' 1M "mem_limit=$size"
done

# Not a percentage.
for percent in -1 -0 +1 101 1000 10% 0x10 '1 0' ' 10' '10 ' 1.5 1e1 1K never \
               4294967296 18446744073709551616 18446744073709551626 $'1\n0' \
               99999999999999999999999
do
  bad 'compact_threshold.*0 .*to 100' 1M "compact_threshold=$percent" \
    "statsfile=$dir/stats"
done

# Swap: not a mode; not a size, or one that swap cannot do with; not a number.
for mode in maybe ON yes 1 'on ' $'on\n'; do
  bad 'swap.*off, try and on' 1M "swap=$mode" "statsfile=$dir/stats"
done
for size in x -1 17T 1MB 16E; do
  bad 'reserve' 1M "reserve=$size"
  bad 'reserve' 1M swap=try "reserve=$size"
done
for mode in try on; do
  bad 'reserve.*1M or more' 1M reserve=512K "swap=$mode" "statsfile=$dir/stats"
  bad 'reserve.*1M or more' 1M "swap=$mode" reserve=0
done
for number in -1 +1 1K x 1000001 4294967296 18446744073709551617; do
  bad 'reserve_waiters.*0 to' 1M swap=try "reserve_waiters=$number"
done

# Given twice, under whichever name.
bad 'disksize' 1M 1M
bad 'disksize' 1M 2M
bad 'disksize' disksize=1M disksize=1M
bad 'disksize' disksize=1M size=1M
bad 'disksize' size=1M disksize=1M
bad 'disksize' 1M disksize=1M
bad 'comp_algorithm' 1M comp_algorithm=lz4 comp_algorithm=lz4
bad 'comp_algorithm' comp_algorithm=lz4 1M comp_algorithm=zstd
bad 'mem_limit' 1M mem_limit=1M mem_limit=1M
bad 'mem_limit' 1M mem_limit=0 mem_limit=0
bad 'compact_threshold' 1M compact_threshold=10 compact_threshold=10
bad 'compact_threshold' 1M compact_threshold=0 compact_threshold=20
bad 'statsfile' 1M "statsfile=$dir/stats" "statsfile=$dir/stats"
bad 'swap' 1M swap=off swap=on
bad 'reserve' 1M reserve=1M reserve=2M
bad 'reserve_waiters' 1M reserve_waiters=1 reserve_waiters=1

# How they are used, and which recompress.
for value in level=0 level=65538 level=x level priority=4 priority=1 \
             algo=zstd algo=842 deflate.winbits=7 winbits=12 dict= \
             dict=relative dict=/nonexistent dict=/ "dict=$dir" \
             dict=/dev/null 'priority=0 algo=zstd'; do
  bad 'algorithm_params' 1M "algorithm_params=$value"
done
: >"$dir/empty"
bad "algorithm_params.*$dir/empty.* is empty" 1M "algorithm_params=dict=$dir/empty"
for name in deflate lzo; do
  "$nbdkit" "$plugin" --dump-plugin | grep -qx "zram_$name=yes" || continue
  bad "algorithm_params.*$name takes no dictionary" 1M "comp_algorithm=$name" \
    "algorithm_params=dict=/bin/sh"
done
for value in '' zstd algo= algo=foo priority=1 'algo=zstd priority=0' \
             'algo=zstd priority=4' 'algo=zstd level=3'; do
  bad 'recomp_algorithm' 1M "recomp_algorithm=$value"
done
bad 'comp_algorithm.*give it before' 1M algorithm_params=level=2 \
  comp_algorithm=zstd
bad 'recomp_algorithm.*give it before' 1M recomp_algorithm=algo=zstd \
  algorithm_params='priority=1 level=2' recomp_algorithm=algo=lz4hc

# Workers.
for value in -1 1025 x 1K; do bad 'workers' 1M "workers=$value"; done
for value in -1 4294967296 x; do
  bad 'spread_threshold' 1M "spread_threshold=$value"
done

# The backing store.
for value in cold.img http://example.com/ nbdx://example.com/; do
  bad 'backing_dev' 1M "backing_dev=$value"
done
bad 'backing_dev.*No such file' 1M \
  "backing_dev=nbd+unix:///?socket=$dir/nobody"
for value in '' x -1; do bad 'backing_size' 1M "backing_size=$value"; done
for value in 0 -1 x 1.5 86401 4294967297; do
  bad 'backing_timeout' 1M "backing_timeout=$value"
done
for value in -1 x 1000001 4294967297; do
  bad 'backing_waiters' 1M "backing_waiters=$value"
done
bad 'backing_overwrite' 1M backing_overwrite=perhaps
bad 'compressed_writeback' 1M compressed_writeback=perhaps
for value in 0 x 257; do
  bad 'writeback_batch_size' 1M "writeback_batch_size=$value"
done

# Algorithms that are not there: the line names those that are.
for name in lzo-rle LZ4 Zstd 'lz4 ' ' lz4' lz4,zstd 842 zstd-5k none; do
  bad 'comp_algorithm.*lz4.*zstd' 1M "comp_algorithm=$name"
done

# Files that cannot be written.
bad 'statsfile.*/nowhere/stats' 1M "statsfile=$dir/nowhere/stats"
bad 'statsfile' 1M statsfile=/
bad 'statsfile' 1M "statsfile=$dir"
bad 'statsfile' 1M "statsfile=$dir/error/stats"

# What fails last, when everything else has been made.
touch "$dir/regular"
bad 'control: .*/regular: is there' 1M "control=$dir/regular" \
  "backing_dev=$dir/store" backing_size=1M "statsfile=$dir/stats"
[ -f "$dir/regular" ] || complain 'control=: the file that was there is gone'

# A file that may not grow so far: a line, and no SIGXFSZ.
(
  ulimit -f 8
  bad 'backing_dev: .*/store: .*File too large' 1M "backing_dev=$dir/store" \
    backing_size=1M "statsfile=$dir/stats" "control=$dir/control"
  [ "$failures" -eq 0 ]
) || failures=$((failures + 1))

# A long value does not push out what is wrong.
bad 'disksize' "disksize=$(printf '%04096d' 7)x"
bad 'comp_algorithm' 1M "comp_algorithm=$(printf '%04096d' 7)"
bad 'compact_threshold' 1M "compact_threshold=$(printf '%04096d' 7)x"
bad 'compact_threshold' 1M "compact_threshold=$(printf '%0200d' 101)"

# Nor does one that would make two lines of the one.
bad 'disksize' $'disksize=1\nM'
bad 'comp_algorithm' 1M $'comp_algorithm=a\nb'
bad 'statsfile' 1M "statsfile=$dir/"$'a\nb/c'

# One bad among good ones.
bad 'comp_algorithm' 1M mem_limit=1M comp_algorithm=bad "statsfile=$dir/stats"
bad 'mem_limit' "statsfile=$dir/stats" 1M comp_algorithm=zstd mem_limit=x

# None of them left a server.
for server in $(pgrep -f -- "-U $dir/socket"); do
  complain "a server runs: $(tr '\0' ' ' <"/proc/$server/cmdline")"
  kill -KILL "$server"
done

[ "$failures" -eq 0 ] || die "$failures complaints"
