#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Whatever becomes of the statistics, the server and its data live on, and it
# starts and ends without waiting for a reader.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdinfo --version
requires mkfifo --version

# ask PID TIMES
ask ()
{
  local i
  for ((i = 0; i < $2; i++)); do
    kill -USR1 "$1"
    sleep 0.01
  done
}

# A named pipe that nobody reads is refused, at once.
mkfifo "$dir/fifo"
status=0
timeout 30 "$nbdkit" -f -U "$dir/s" "$plugin" 1M statsfile="$dir/fifo" \
  2>"$dir/error" || status=$?
[ "$status" -eq 1 ] || die "a named pipe: exit status $status"
grep -q 'statsfile' "$dir/error" || die "no word of statsfile: $(cat "$dir/error")"

# A file that may not grow any more: SIGXFSZ must not end the server.
truncate -s 1M "$dir/limited.stats"
(
  ulimit -f 1024
  exec "$nbdkit" -P "$dir/limited.pid" -U "$dir/limited" "$plugin" 1M \
    statsfile="$dir/limited.stats"
)
wait_until is_not_empty "$dir/limited.pid"
servers+=("$(cat "$dir/limited.pid")")
ask "${servers[-1]}" 20
nbdinfo --size "nbd+unix:///?socket=$dir/limited" >"$dir/size" ||
  die 'a full statsfile ended the server'
stop_nbdkit "${servers[-1]}"

# Standard error is a pipe that nobody empties.
mkfifo "$dir/stuck"
exec {stuck}<>"$dir/stuck"
"$nbdkit" -f -P "$dir/stuck.pid" -U "$dir/stuck.socket" "$plugin" 1M \
  2>"$dir/stuck" &
servers+=($!)
wait_until is_not_empty "$dir/stuck.pid"
ask "${servers[-1]}" 300
nbdinfo --size "nbd+unix:///?socket=$dir/stuck.socket" >"$dir/size" ||
  die 'a full pipe ended the server'
stop_nbdkit "${servers[-1]}"

# The same with more disks than the pipe has room for: none is waited for that
# comes after one that was not taken, or this would take five minutes.
"$nbdkit" -f -P "$dir/many.pid" -U "$dir/many.socket" "$plugin" 1M \
  num_devices=350 2>"$dir/stuck" &
servers+=($!)
wait_until is_not_empty "$dir/many.pid"
stop_nbdkit "${servers[-1]}"
exec {stuck}<&-

# A report that is shorter than the one before it ends where it ends.
if qemu-io --version >"$dir/version" 2>&1; then
  start_nbdkit 64M statsfile="$dir/shorter.stats"
  qemu-io -f raw -c 'write -P 5 0 32M' "$uri" >"$dir/io"
  ask "$pid" 1
  wait_until grep -q '^swap_stat: [0-9]' "$dir/shorter.stats"
  one=$(wc -l <"$dir/shorter.stats")
  qemu-io -f raw -c 'discard 0 32M' "$uri" >"$dir/io"
  stop_nbdkit "$pid"
  lines=$(wc -l <"$dir/shorter.stats")
  [ "$lines" -eq $((2 * one)) ] || die "two reports of $one make $lines lines: \
$(cat "$dir/shorter.stats")"
else
  skip 'it needs qemu-io for a report that is shorter than the last'
fi
