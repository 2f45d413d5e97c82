#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A store behind NBD that somebody else is given, too: not by the same server;
# and when another one has it, the first leaves it alone.  And one whose server
# has gone does not keep anybody: a run that nobody wants any more ends, and so
# does one that waits in vain.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
make_data

# begin_store: a server of 32 MiB that forgets all when it ends.  Sets $store.
begin_store ()
{
  rm -f "$dir/store.socket" "$dir/store.pid"
  "$nbdkit" -P "$dir/store.pid" -U "$dir/store.socket" memory 32M
  wait_until is_not_empty "$dir/store.pid"
  servers+=("$(cat "$dir/store.pid")")
  store="nbd+unix:///?socket=$dir/store.socket"
}

end_store ()
{
  local pid
  pid=$(cat "$dir/store.pid")
  kill -KILL "$pid"
  wait_until is_gone "$pid"
}

write_back ()
{
  zramctl set idle=all
  zramctl set writeback=type=idle
}

store_is_away ()
{
  [ "$(zramctl get backing_engine)" = 'nbd away' ]
}

# Two disks.
begin_store
serve "backing_dev=$store"
write_back
must_be_refused "$store: is another disk's store: give each one of its own" \
  hot_add disksize=16M "backing_dev=$store"
must_hold_data 'while another disk wants its store'

# Two servers.  What the first writes is lost, but it writes no more.
first=$server
nbdcopy "$dir/data" "$uri"
"$nbdkit" -U - "$plugin" 16M "control=$dir/second" "backing_dev=$store" --run "
  nbdcopy '$dir/data' \"\$uri\" && '$zramctl' -s '$dir/second' set idle=all &&
  '$zramctl' -s '$dir/second' set writeback=type=idle"
written=$(column backing_stat 1)
zramctl set idle=all
must_be_refused 'another server has been given the backing store' \
  set writeback=type=idle
[ "$(column backing_stat 1)" -eq "$written" ] || die 'it has written all the same'
must_hold_data 'in memory'
stop_nbdkit "$first"
end_store

# It goes, and does not come back: the time-out is that of the run, and not of
# each of its writes.
begin_store
serve "backing_dev=$store" backing_timeout=4
wait_until nobody_is_connected
end_store
zramctl set idle=all
SECONDS=0
must_be_refused 'the backing store is away: tried' set writeback=type=idle
[ "$SECONDS" -lt 20 ] || die "a run has waited for $SECONDS s"
must_hold_data 'in memory, without a store'
stop_nbdkit "$server"

# A run that nobody wants any more does not wait for it.  begin_run: sets $run.
begin_run ()
{
  "$zramctl" -s "$control" set writeback=type=idle >/dev/null 2>&1 &
  run=$!
  wait_until store_is_away
}

begin_store
serve "backing_dev=$store" backing_timeout=60
wait_until nobody_is_connected
end_store
zramctl set idle=all
SECONDS=0
begin_run
kill -TERM "$run"
wait "$run" || :
begin_run                       # which waits for the other to end
timeout 50 "$zramctl" -s "$control" set reset=1 ||
  die 'a run keeps its disk from being reset'
! wait "$run" || die 'a run has succeeded without its store'
[ "$SECONDS" -lt 50 ] || die 'they have waited for the store'
