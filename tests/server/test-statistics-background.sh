#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# In the background, where nbdkit has forked and changed to the root directory,
# statsfile= still is the file named at the start, SIGUSR1 still works (so what
# answers it has not been lost in the fork), and without a statsfile the signal
# does no harm.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires nbdinfo --version

has_reports ()
{
  [ "$(grep -c 'swap_stat: ' "$1")" -eq $((2 * $2)) ]
}

head -c $((100 * page)) /dev/urandom >"$dir/data"

# check_data: the disk starts with what was written.
check_data ()
{
  nbdcopy "$uri" "$dir/copy"
  cmp -n $((100 * page)) "$dir/data" "$dir/copy"
}

mkdir "$dir/sub"
cd "$dir/sub"
start_nbdkit 1M statsfile=../stats
[ "$(readlink "/proc/$pid/cwd")" = / ] || die 'the server did not change to /'
nbdcopy "$dir/data" "$uri"
for i in 1 2 3; do
  kill -USR1 "$pid"
  wait_until has_reports "$dir/stats" "$i"
done
grep '^mm_stat: [0-9]' "$dir/stats" | tail -n 1 |
  grep -q "^mm_stat: $((100 * page)) $((100 * page)) " ||
  die "wrong statistics: $(cat "$dir/stats")"

# Nowhere to write to is no reason to stop.
mv "$dir/stats" "$dir/moved"
kill -USR1 "$pid"
wait_until has_reports "$dir/moved" 4
check_data
stop_nbdkit "$pid"
has_reports "$dir/moved" 5 || die 'no report at exit'

# To syslog, if there is one.
start_nbdkit 1M
nbdcopy "$dir/data" "$uri"
for i in 1 2 3; do
  kill -USR1 "$pid"
  nbdinfo --size "$uri" >/dev/null
done
check_data
stop_nbdkit "$pid"
