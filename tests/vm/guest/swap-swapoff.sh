# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# swapoff while a program is at work: with memory for all that was swapped out
# it succeeds, without it fails or is killed, and neither harms the program.

# begin_swapfill ARGUMENT...: in the background; waits until it has filled.
begin_swapfill ()
{
  rm -f /run/filled
  swapfill -x ': >/run/$1' "$@" &
  program=$!
  until_true 120 [ -e /run/filled ] || die 'the program does not fill'
}

start_swap
resident=60
begin_swapfill -r 3 90 "$kind"
echo max >/sys/fs/cgroup/swapfill/memory.max
must host swapoff /dev/nbd0
wait "$program" || die 'the program failed beside swapoff'

resident=                       # for swapfill, without a limit
must host swapon --discard /dev/nbd0
begin_swapfill "$size" "$kind"
host swapoff /dev/nbd0 && die 'swapoff succeeded: there was memory left'
wait "$program" || die 'the program failed beside a swapoff that failed'
stop_swap
result pass 'with memory for everything, and without'
