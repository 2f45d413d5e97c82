# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Freed swap is trimmed, and the server gives the memory back.  The kernel trims
# whole clusters of 2 MiB only: what else is freed stays, as the share that is
# stale.

# after PHASE: the program has come so far, and waits; sets $swapped, $stored
# and $used.
after ()
{
  until_true 300 [ -e "/run/$1" ] || die "the program was never $1"
  server_stat
  swapped=$((($(meminfo SwapTotal) - $(meminfo SwapFree)) / 1024))
  echo "after $1: $swapped MiB swapped, $stored MiB stored in $used MiB"
}

go_on ()
{
  : >/run/go
}

start_swap
swapfill -f -x ': >/run/$1
  until [ -e /run/go ]; do usleep 100000; done; rm /run/go' "$size" "$kind" &
program=$!
after filled
[ "$swapped" -gt $((size / 2)) ] || die "only $swapped MiB were swapped"
go_on
after read
go_on
after freed
figure stale "$((stored > swapped ? 100 * (stored - swapped) / stored : 0))" %
go_on
after reread
stored_before=$stored used_before=$used
go_on
wait "$program" || die 'the program failed'

sleep 2
server_stat
echo "at the end: $stored MiB stored in $used MiB"
# Each page that another program still has there keeps a cluster from being
# trimmed, and so does the kernel for its own reasons: in 16 runs with nothing
# left in swap, 6 to 36 of 119 MiB were.
[ "$stored" -lt $((stored_before / 2)) ] ||
  die "$stored of $stored_before MiB are stored, though all is freed"
[ "$used" -lt $((used_before / 2)) ] ||
  die "$used of $used_before MiB are used, though all is freed"
stop_swap
result pass "$used MiB are used after everything was freed"
