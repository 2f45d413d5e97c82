#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The server starts in the background and ends at SIGTERM, again and again, also
# with a client that is busy; what the last one held is not there in the next.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires nbdinfo --version

head -c $((16 * page)) /dev/urandom >"$dir/data"
head -c $((16 * page)) /dev/zero >"$dir/zeros"
for ((i = 0; i < 20; i++)); do
  start_nbdkit 64K
  nbdcopy "$uri" - | cmp - "$dir/zeros"
  nbdcopy "$dir/data" "$uri"
  nbdcopy "$uri" - | cmp - "$dir/data"
  stop_nbdkit "$pid"
done

# SIGTERM, SIGINT and SIGQUIT in the foreground: exit status 0 each time.
for signal in TERM INT QUIT; do
  rm -f "$dir/pid"
  # A background job of this shell would ignore SIGINT and SIGQUIT otherwise.
  (trap - INT QUIT
   exec "$nbdkit" -f -P "$dir/pid" -U "$dir/$signal" "$plugin" 64K) &
  pid=$!
  servers+=("$pid")
  wait_until is_not_empty "$dir/pid"
  kill "-$signal" "$pid"
  wait "$pid" || die "SIG$signal: exit status $?"
done

# In the middle of a copy: the client fails, the server ends all the same.
has_data ()
{
  nbdinfo --map "$uri" | grep -q '[[:space:]]data$'
}

# With one thread: nbdkit 1.32 itself aborts if a client goes while two of the
# threads have a reply for it.
start_nbdkit -t 1 16G
yes | nbdcopy - "$uri" >"$dir/client" 2>&1 &
client=$!
servers+=("$client")
wait_until has_data
stop_nbdkit "$pid"
! wait "$client" || die 'the client did not notice'
