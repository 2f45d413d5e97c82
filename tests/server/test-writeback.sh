#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Writeback by a real server to a real file: pages leave, memory comes back, and
# everything that is read is what was written; what is there already is not lost;
# and bad words are refused.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires jq --version
cold=$dir/cold
make_data

# must_not_start MESSAGE PARAMETER...: nbdkit says that.
must_not_start ()
{
  local message=$1
  shift
  if "$nbdkit" -f -U - "$plugin" 16M "$@" --run true >"$dir/out" 2>&1; then
    die "$*: it started"
  fi
  grep -qF -e "$message" "$dir/out" || die "$*: said '$(cat "$dir/out")'"
}

# All of it leaves, and comes back.
serve "backing_dev=$cold" backing_size=16M
[ "$(zramctl get backing_dev)" = "$cold" ] || die 'it does not tell its store'
[[ $(zramctl get backing_engine) =~ ^(io_uring|threads)(\ direct)?$ ]] ||
  die "the engine is $(zramctl get backing_engine)"
before=$(column mm_stat 2)
[ "$(zramctl set writeback=type=idle)" = 'tried 0 written 0 bytes 0' ] ||
  die 'pages are idle that nobody has marked'
zramctl set idle=all
read -r _ tried _ written _ bytes <<<"$(zramctl set writeback=type=idle)"
echo "tried $tried, written $written, $bytes bytes for $before"
[ "$tried" -gt 3000 ] || die "only $tried pages were tried"
[ "$written" -eq "$tried" ] || die "only $written pages were written"
[ "$bytes" -le $((before + before / 10)) ] || die 'it writes too much'
[ "$(column mm_stat 2)" -eq 0 ] || die 'something has stayed'
[ "$(column mm_stat 3)" -lt 2000000 ] || die 'memory has not come back'
[ "$(column bd_stat 1)" -eq "$written" ] || die 'bd_count is wrong'
[ "$(column backing_stat 1)" -eq "$bytes" ] || die 'bytes written are wrong'
zramctl get block_state >"$dir/state"
[ "$(grep -c ' \.w' "$dir/state")" -eq "$written" ] || die 'not all have a w'
must_hold_data 'from the store'
[ "$(column bd_stat 2)" -eq "$written" ] || die 'bd_reads is wrong'
must_hold_data 'from the store again'

# What is overwritten is dead, and leaves again.
nbdcopy "$dir/data" "$uri"
[ "$(column backing_stat 2)" -eq 0 ] || die 'dead objects are alive'
zramctl set writeback='page_indexes=0-100 page_index=200 page_index=200'
must_hold_data 'part of it in the store'

# Bad words change nothing.
wait_until nobody_is_connected
count=$(column bd_stat 1)
must_be_refused "type 'huuge' is unknown: choose from" \
  set writeback='page_index=300 type=huuge'
must_be_refused 'is out of range: the pages are 0 to 4095' \
  set writeback='page_index=300 page_indexes=1-4096'
must_be_refused 'is out of range' set writeback=page_indexes=3-2
must_be_refused 'is out of range: give the number of a page' \
  set writeback=page_index=18446744073709551616
must_be_refused 'is no range: give the numbers of two pages' \
  set writeback=page_indexes=3
must_be_refused 'it takes type, page_index and page_indexes' \
  set writeback=pages=3
[ "$(column bd_stat 1)" -eq "$count" ] || die 'bad words have done something'
must_be_refused 'give 1 to 256' set writeback_batch_size=0
must_be_refused 'the disk is initialised: reset it first' set backing_dev=/x
must_be_refused 'reset it first' set compressed_writeback=n

# No more than may be.
zramctl set writeback_limit_enable=1
must_be_refused 'writeback_limit is used up' set writeback=page_indexes=300-900
zramctl set writeback_limit=16
must_be_refused 'writeback_limit is used up' set writeback=page_indexes=300-900
[ "$(zramctl get writeback_limit)" -lt 3 ] || die 'the budget is not used'
zramctl set writeback_limit_enable=0
zramctl set writeback_batch_size=16
zramctl set writeback=page_indexes=300-900
must_hold_data 'after limits'

# A reset lets the store go; limits stay, and another disk can have it.
wait_until nobody_is_connected
zramctl set writeback_limit=33
zramctl set reset=1
[ "$(zramctl get backing_dev)" = none ] || die 'reset has left the store'
[ "$(zramctl get writeback_limit)" -eq 33 ] || die 'reset has taken the limit'
zramctl set "backing_dev=$cold"
zramctl set disksize=16M
nbdcopy "$dir/data" "$uri"
zramctl set writeback=page_indexes=0-4095
must_hold_data 'after a reset'
wait_until nobody_is_connected
must_be_refused "$cold" hot_add disksize=1M "backing_dev=$cold"
zramctl hot_add disksize=1M "backing_dev=$dir/other" backing_size=4M
unserve

# The old way, uncompressed.
serve "backing_dev=$cold" compressed_writeback=n backing_size=64M
read -r _ _ _ written _ bytes <<<"$(zramctl set writeback=page_indexes=0-4095)"
[ "$bytes" -ge $((written * 4096)) ] || die 'it is compressed'
must_hold_data 'uncompressed'
unserve

# What is damaged is EIO, is said, and is counted.  (With more threads nbdkit
# before 1.34 aborts when nbdcopy gives up.)
"$nbdkit" -f -t 1 -P "$dir/pid" -U "$dir/socket" "$plugin" 16M \
  "control=$control" "backing_dev=$cold" backing_size=64M 2>"$dir/said" &
servers+=($!)
server=$!
uri="nbd+unix:///?socket=$dir/socket"
wait_until is_not_empty "$dir/pid"
nbdcopy "$dir/data" "$uri"
zramctl set writeback=page_indexes=0-4095
dd if=/dev/urandom of="$cold" bs=1M seek=1 count=2 conv=notrunc status=none
if nbdcopy "$uri" "$dir/copy" 2>"$dir/err"; then
  die 'nobody has noticed that the store is damaged'
fi
[ "$(column backing_stat 8)" -gt 0 ] || die 'no checksum error is counted'
grep -q 'page [0-9]*: byte [0-9]* of the backing store' "$dir/said" ||
  die 'nothing is said of it'
nbdcopy "$dir/data" "$uri"
must_hold_data 'written anew'
unserve

# A file of somebody else's stays as it is.
cp "$dir/data" "$dir/precious"
must_not_start "$dir/precious" "backing_dev=$dir/precious"
cmp "$dir/data" "$dir/precious" || die 'somebody else'\''s file has changed'
must_not_start 'backing_overwrite' "backing_dev=$dir/precious"
must_not_start 'backing_dev' "backing_dev=$dir/absent"
[ ! -e "$dir/absent" ] || die 'a file was made although it was refused'
must_not_start 'backing_dev' "backing_dev=$dir"
must_not_start 'backing_dev' backing_dev=http://example.com/
must_not_start "one disk's only" "backing_dev=$cold" num_devices=2
must_not_start 'give it a device or a file' swap=try \
  'backing_dev=nbd://localhost'
serve "backing_dev=$dir/precious" backing_overwrite=y
zramctl set writeback=page_indexes=0-4095
must_hold_data 'overwritten'
unserve
