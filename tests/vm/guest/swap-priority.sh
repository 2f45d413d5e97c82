# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Swap on two servers at once, of equal priority: the system uses both, about
# as much of one as of the other.

# shellcheck source=members.sh
. "/host$srcdir/tests/vm/guest/members.sh"

each=$((size / 2 + 20))         # MiB

# used_kib NUMBER PHASE: what it had when the program had filled, or read.
used_kib ()
{
  awk -v device="/dev/nbd$1$" '$1 ~ device { print $4 }' "/run/swaps.$2"
}

# must_share PHASE: sets $shares.
must_share ()
{
  local first second
  first=$(used_kib 0 "$1") second=$(used_kib 1 "$1")
  shares="$first and $second KiB"
  echo "$1: $shares"
  if [ "$first" -lt $((second * 4 / 5)) ] ||
    [ "$second" -lt $((first * 4 / 5)) ]; then
    die "$1: not alike: $shares"
  fi
  [ "$second" -gt 8192 ] || die "$1: not in use: $shares"
}

for number in 0 1; do
  start_member "$number" first
  attach_member "$number" first
  swap_on "/dev/nbd$number" --priority 10
done
must swapfill -x 'cat /proc/swaps >"/run/swaps.$1"' "$size" "$kind"
must_share filled
must_share read
for number in 0 1; do
  must host swapoff "/dev/nbd$number"
  must host nbd-client -d "/dev/nbd$number"
  end_member "$number" TERM
done
result pass "$shares were used"
