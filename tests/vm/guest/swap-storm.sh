# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Processes come and go by the hundred while memory is full.

# One wave: 15 shells, each of which has two more, a pipe and a megabyte.
wave ()
{
  local i=0
  while [ "$i" -lt 15 ]; do
    (dd if=/dev/zero bs=1M count=1 2>/dev/null | cat >/dev/null) &
    i=$((i + 1))
  done
  wait
}

storm ()
{
  local waves=0
  while [ -e /run/storm ]; do
    wave
    usleep 300000               # the program is to get on, too
    waves=$((waves + 1))
    echo "$waves" >/run/waves
  done
}

start_swap
: >/run/storm
storm &
storm=$!
must swapfill "$size" "$kind"
rm /run/storm
wait "$storm"
[ "$(cat /run/waves)" -gt 0 ] || die 'no wave of processes has ended'
stop_swap
result pass "$(cat /run/waves) waves of 45 processes"
