#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The table of nbdkit-zramctl: what its columns hold, and its forms.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires socat -V
requires jq --version

# must_print WANT ARGUMENT...: exactly that, but for blanks at the ends of lines,
# which versions of libsmartcols differ in; and success.
must_print ()
{
  local want=$1 got
  shift
  got=$("$zramctl" -s "$control" "$@" | sed 's/ *$//') || die "$*: exit status $?"
  [ "$got" = "$want" ] || die "$*: printed '$got' and not '$want'"
}

start_nbdkit 1G "control=$control" comp_algorithm=zstd mem_limit=300M

# One for each CPU that the machine may have.
streams=$("$zramctl" -s "$control" get streams)
[ "$streams" -ge "$(nproc)" ] || die "there are $streams streams"

# A disk that is empty, in all forms.
row=$(printf 'zram0 zstd            1G   0B    0B    0B %7d' "$streams")
must_print "NAME  ALGORITHM DISKSIZE DATA COMPR TOTAL STREAMS RATIO
$row"
must_print "$row" --noheadings
must_print 'NAME DISKSIZE MEM-LIMIT
zram0 1G 300M' --raw -o NAME,DISKSIZE,MEM-LIMIT
must_print 'zram0 1073741824 314572800' -b -n -r -o name,disksize,mem-limit
must_print 'NAME    DISKSIZE MEM-LIMIT
zram0 1073741824 314572800' --bytes --output NAME,DISKSIZE,MEM-LIMIT
must_print "NAME ALGORITHM DISKSIZE DATA COMPR TOTAL STREAMS RATIO MEM-USED
zram0 zstd 1G 0B 0B 0B $streams  0B" -r -o +MEM-USED

# Pages that are one repeated word, pages that do not compress, and others.
seq 100000 >"$dir/numbers"
{
  head -c $((40 * page)) /dev/zero | tr '\0' x
  head -c $((24 * page)) /dev/urandom
  head -c $((64 * page)) "$dir/numbers"
} >"$dir/image"
nbdcopy "$dir/image" "$uri"

# What the server says, by another client.
read -r data compr total limit most same migrated huge _ < <(
  echo 'get zram0 mm_stat' | socat -t 60 - "UNIX-CONNECT:$control")
[ "$data $same $huge" = "$((128 * page)) 40 24" ] ||
  die "the server stores something else: $data $same $huge"
ratio=$(awk -v "data=$data" -v "total=$total" \
  'BEGIN { printf "%.2f", data / total }')
must_print "zram0 1073741824 $data $compr zstd $streams $total $limit $most $same $huge \
$migrated 0 $ratio zram0 $control" --output-all --bytes --raw --noheadings
must_print 'zram0 1G 512K' -r -n -o NAME,DISKSIZE,DATA

# JSON: numbers are numbers, and what is rounded for people is text.
"$zramctl" -s "$control" --json --bytes --output-all >"$dir/json"
[ "$(jq -c . "$dir/json")" = "{\"disks\":[{\"name\":\"zram0\",\
\"disksize\":1073741824,\"data\":$data,\"compr\":$compr,\
\"algorithm\":\"zstd\",\"streams\":$streams,\"total\":$total,\"mem-limit\":$limit,\
\"mem-used\":$most,\"same-pages\":$same,\"huge-pages\":$huge,\
\"migrated\":$migrated,\"backed\":0,\"ratio\":$(jq -n "$ratio"),\"export\":\"zram0\",\
\"socket\":\"$control\"}]}" ] || die "it printed $(cat "$dir/json")"
[ "$("$zramctl" -s "$control" -J -o DISKSIZE,SAME-PAGES | jq -c .)" = \
  '{"disks":[{"disksize":"1G","same-pages":40}]}' ] || die 'JSON for people'

# A disk without a device.
wait_until "$zramctl" -s "$control" set reset=1
must_print 'zram0 lz4 0B 0B 0B 0B 0  0B' -r -n -o +MEM-LIMIT
[ "$("$zramctl" -s "$control" -J -o RATIO | jq -c .)" = \
  '{"disks":[{"ratio":null}]}' ] || die 'there is a ratio of nothing'

# What it does not understand.
columns='NAME, DISKSIZE, DATA, COMPR, ALGORITHM, STREAMS, TOTAL, MEM-LIMIT,'
columns+=' MEM-USED, SAME-PAGES, HUGE-PAGES, MIGRATED, BACKED, RATIO, EXPORT,'
columns+=' SOCKET'
must_fail "nbdkit-zramctl: unknown column: FOO: choose from $columns" -o NAME,FOO
must_fail "nbdkit-zramctl: unknown column: : choose from $columns" -o ''
must_fail "nbdkit-zramctl: unknown column: NAM: choose from $columns" -o +NAM
must_fail 'nbdkit-zramctl: there may be at most 64 columns' \
  -o "NAME$(printf ',NAME%.0s' {1..64})"
must_fail $'nbdkit-zramctl: invalid option -- \'x\'\n'"\
Try 'nbdkit-zramctl --help' for more information." -x
must_fail $'nbdkit-zramctl: unknown command: zram0\n'"\
Try 'nbdkit-zramctl --help' for more information." zram0
must_fail $'nbdkit-zramctl: mutually exclusive arguments: --json --raw\n'"\
Try 'nbdkit-zramctl --help' for more information." --json --raw

# Help has every column, and goes to standard output, as the version does.
"$zramctl" --help >"$dir/help"
sed -n '/^Available output columns:/,/^$/s/^ *\([A-Z-]*\)  .*/\1/p' \
  "$dir/help" | paste -s -d , | sed 's/,/, /g' >"$dir/columns"
[ "$(cat "$dir/columns")" = "$columns" ] ||
  die "the columns in the help are $(cat "$dir/columns")"
must_print "nbdkit-zramctl from nbdkit-zram $(sed -n \
  's/^PACKAGE_VERSION = //p' "$top_builddir/Makefile")" --version
! "$zramctl" --help >/dev/full 2>"$dir/error" || die 'lost output is no error'
[ "$(cat "$dir/error")" = \
  'nbdkit-zramctl: write error: No space left on device' ] ||
  die "it said: $(cat "$dir/error")"
