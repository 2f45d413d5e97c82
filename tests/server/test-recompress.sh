#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Recompression of a real server: idle pages become smaller, and everything that
# is read is what was written; with every algorithm and a dictionary; and a run
# ends when whoever has asked for it goes.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires zstd --version
requires jq --version
make_data
zstd -q --train -B4096 --maxdict=16K -o "$dir/dict" "$dir/data" /usr/bin/bash

# Idle pages, and no others.
serve recomp_algorithm=algo=zstd algorithm_params='algo=zstd level=9'
before=$(column mm_stat 3)
[ "$(zramctl set recompress=type=idle)" = 'tried 0 gained 0 saved 0' ] ||
  die 'pages are idle that nobody has marked'
zramctl set idle=all
read -r _ tried _ gained _ saved <<<"$(zramctl set recompress=type=idle)"
for _ in {1..200}; do # compaction follows
  after=$(column mm_stat 3)
  [ "$after" -ge $((before - before / 10)) ] || break
  sleep 0.05
done
echo "tried $tried, gained $gained, saved $saved: from $before to $after"
[ "$tried" -gt 3000 ] || die "only $tried pages were tried"
[ "$gained" -gt $((tried / 2)) ] || die "only $gained pages have gained"
[ "$after" -lt $((before - before / 10)) ] || die "it takes $after of $before"
[ "$(zramctl get recomp_stat)" = "$tried $gained $saved" ] ||
  die 'recomp_stat says something else'
must_hold_data 'after recompression'
zramctl get block_state >"$dir/out"
grep -q ' \.\.\.\.r\.$' "$dir/out" ||
  die 'no page is marked as recompressed'

# What makes no sense, and what cannot be told any more.
for value in type=foo priority=2 algo=lz4 threshold=4096 nonsense; do
  must_be_refused 'zram0: recompress: ' set "recompress=$value"
done
for name in recomp_algorithm=algo=zstd algorithm_params=level=2; do
  must_be_refused "zram0: ${name%%=*}: the disk is initialised" set "$name"
done
# A disk that is added can have all that the others can.
zramctl hot_add name=more disksize=1M 'recomp_algorithm=algo=zstd priority=2' \
  'algorithm_params=algo=zstd level=7'
[[ $(zramctl get more recomp_algorithm) == *'#2: '*'[zstd]'* ]] ||
  die 'the disk that was added has no second algorithm'
zramctl hot_remove more
unserve

# Every algorithm at its ends, as what is written with and as what recompresses.
for pair in lz4:1 lz4:65537 lz4hc:1 lz4hc:16 zstd:-131072 zstd:1 zstd:22 \
            zstd-4k:1 deflate:0 deflate:12 lzo:1; do
  name=${pair%:*}
  "$nbdkit" "$plugin" --dump-plugin | grep -qx "zram_${name/-/_}=yes" ||
    { echo "$name is not built in"; continue; }
  dict=
  case $name in lz4 | zstd*) dict="dict=$dir/dict" ;; esac
  serve "comp_algorithm=$name" "recomp_algorithm=algo=$name priority=2" \
    algorithm_params="level=${pair#*:} $dict" \
    algorithm_params="priority=2 level=${pair#*:}"
  zramctl set recompress="priority=2 max_pages=100" >"$dir/out"
  grep -q '^tried 100 ' "$dir/out" || die "$pair: $(cat "$dir/out")"
  must_hold_data "$pair"
  unserve
done

# A dictionary pays, and is counted.
for words in '' "dict=$dir/dict"; do
  serve comp_algorithm=zstd algorithm_params="level=9 $words"
  sizes+=("$(column mm_stat 2)")
  dicts+=("$(column stream_stat 2)")
  unserve
done
echo "stored: ${sizes[*]}, dictionaries: ${dicts[*]}"
[ "${sizes[1]}" -lt "${sizes[0]}" ] || die 'the dictionary does not pay'
[ "${dicts[0]}" -eq 0 ] || die 'there is a dictionary'
[ "${dicts[1]}" -gt 16384 ] || die 'the dictionary is not counted'

# Whoever has asked for a run, and goes, ends it.
serve recomp_algorithm=algo=zstd algorithm_params='algo=zstd level=22' \
  workers=1
timeout 0.3 "$zramctl" -s "$control" set recompress= >"$dir/out" 2>&1 ||
  [ $? -eq 124 ] || die "set recompress: $(cat "$dir/out")"
is_at_rest ()
{
  local first
  first=$(column recomp_stat 1)
  sleep 0.5
  [ "$(column recomp_stat 1)" -eq "$first" ]
}
wait_until is_at_rest
echo "it was ended after $(column recomp_stat 1) pages"
[ "$(column recomp_stat 1)" -lt "$tried" ] || die 'it was not ended'
must_hold_data 'after a run that was ended'
zramctl set recompress=max_pages=10 >"$dir/out"
must_hold_data 'after the next run'
unserve
