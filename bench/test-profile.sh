#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every kind of work that "profile" samples has a row, with a time of its own;
# and it leaves no store behind.  What the times are means nothing here.

# shellcheck source=../tests/server/functions.sh.in
. ../tests/server/functions.sh

here=$top_srcdir/bench

requires jq --version
requires nbdcopy --version
requires perf record -q -e cpu-clock -o "$dir/data" true

# rows TABLE: which it has, of those with a time.
rows ()
{
  awk 'NF == 9 && ($2 == "read" || $2 == "write") && $9 > 0 { print $1, $2 }' \
    "$1" | paste -sd ' '
}

corpus="$dir/a & b/corpus"
mkdir "$dir/a & b"
./corpus -S -m 8 -o "$corpus" >"$dir/made"
"$here/profile" -b .. -c "$corpus" -r 1 -t 0.5 >"$dir/out" \
  2>"$dir/error" || die "$(cat "$dir/error")"
[ "$(rows "$dir/out")" = "back read huge read huge write lz4 read lz4 write \
malloc read malloc write null read null write same read same write zstd read \
zstd write" ] || die "$(cat "$dir/out")"
[ ! "$(ls "$corpus".store* 2>/dev/null)" ] || die 'it left a store'
