#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The control socket of a running server: attributes, a reset that does not take
# the disk from under a client, a run that says how far it is, a socket that is
# taken, and that it goes with the server.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdinfo --version
requires socat -V

# ask REQUEST...: the answers.  Without -t socat waits for half a second, in
# which a busy machine does not answer.
ask ()
{
  printf '%s\n' "$@" | socat -t 60 - "UNIX-CONNECT:$control"
}

# must_answer WANT REQUEST...
must_answer ()
{
  local want=$1 answer
  shift
  answer=$(ask "$@")
  [ "$answer" = "$want" ] || die "$*: '$answer' is not '$want'"
}

# must_refuse ERRNO REQUEST
must_refuse ()
{
  local answer
  answer=$(ask "$2")
  [[ $answer = "error $1 "* ]] || die "$2: '$answer' is no error $1"
}

# It is when the server has noticed that the last client has gone.
is_reset ()
{
  [ "$(ask 'set zram0 reset 1')" = ok ]
}

size_is ()
{
  [ "$(nbdinfo --size "$uri")" = "$1" ]
}

start_nbdkit 1M "control=$control" comp_algorithm=zstd mem_limit=64K
server=$pid
must_answer $' zram0 zram0\nok' list
must_answer $' 1048576\nok\n 1\nok' 'get zram0 disksize' 'get zram0 initstate'
must_answer $'ok\n 0 0 0 131072 0 0 0 0 0\nok' \
  'set zram0 mem_limit 128K' 'get zram0 mm_stat'
must_refuse EBUSY 'set zram0 disksize 2M'

# While somebody is connected, be it another nbdkit, the disk stays.  That one is
# when it has answered.
requires "$nbdkit" nbd --version
answer=$(printf 'set zram0 reset 1\n' >"$dir/reset"
  "$nbdkit" -U - nbd "socket=$socket" shared=true \
    --run "nbdinfo --size \"\$uri\" >/dev/null &&
           socat -t 60 - UNIX-CONNECT:$control <$dir/reset")
[[ $answer = 'error EBUSY '*'(1)'* ]] || die "a client was ignored: $answer"
size_is 1048576 || die 'the disk is not what it was'

wait_until is_reset
size_is 0 || die 'a disk without a device has a size'
must_answer $' 0\nok' 'get zram0 initstate'
must_answer 'ok' 'set zram0 disksize 2M'
size_is 2097152 || die 'the new size is not served'

# What is counted as pages come and go is what there is.
requires nbdcopy --version
truncate -s 2M "$dir/data"
dd if=/bin/sh of="$dir/data" bs=64K count=1 conv=notrunc status=none
printf same%.0s {1..1024} |
  dd of="$dir/data" bs=4K seek=100 conv=notrunc status=none
nbdcopy "$dir/data" "$uri"
read -r orig compr _ _ _ same _ huge _ <<<"$(ask 'get zram0 mm_stat')"
if [ "$orig" -lt 69632 ] || [ "$same" -lt 1 ]; then
  die "it stores $orig bytes, and $same pages are filled with one word"
fi
sizes=$(ask 'get zram0 size_stat')
must_answer " $orig $compr$sizes" 'get zram0 slot_stat'
[[ $sizes = " $same "*" $huge"$'\nok' ]] || die "the sizes are $sizes"

# Every second page goes, of some that do not compress: to put the others together
# takes a run, which says how far it is if it is asked to.
make_holes ()
{
  local i
  head -c 1M /dev/urandom >"$dir/data"
  nbdcopy "$dir/data" "$uri"
  for ((i = 0; i < 256; i += 2)); do
    dd if=/dev/zero of="$dir/data" bs=4K seek="$i" count=1 conv=notrunc status=none
  done
  nbdcopy "$dir/data" "$uri"
}
must_answer ok 'set zram0 compact_threshold 0'
make_holes
answer=$(ask 'run zram0 compact 1')
[[ $answer =~ ^(progress [0-9]+ [0-9]+$'\n')+ok$ ]] ||
  die "a run said: $answer"
make_holes
must_answer ok 'set zram0 compact 1'

# Another server may not have the socket; this one keeps it.
! "$nbdkit" -f -U "$dir/other" "$plugin" 1M "control=$control" \
  2>"$dir/error" </dev/null || die 'two servers have one socket'
grep -q 'control: .*a server answers there' "$dir/error" ||
  die "it said: $(cat "$dir/error")"
must_answer $' zram0 zram0\nok' list

# What a killed server leaves is replaced; what a server leaves is nothing.
kill -KILL "$server"
wait_until is_gone "$server"
[ -S "$control" ] || die 'a killed server took its socket away'
start_nbdkit 3M "control=$control"
must_answer $' 3145728\nok' 'get zram0 disksize'
stop_nbdkit "$pid"
[ ! -e "$control" ] || die 'it has left its socket'

# It ends well without a disk, too, and tells its statistics.
start_nbdkit 1M "control=$control" "statsfile=$dir/stats"
wait_until is_reset
stop_nbdkit "$pid"
grep -q '^disksize: 0$' "$dir/stats" || die "it said: $(cat "$dir/stats")"

# Who does not start leaves no socket.
! "$nbdkit" -f -U "$dir/other" "$plugin" 1M "control=$control" swap=on \
  reserve=16T 2>"$dir/error" </dev/null || die 'there are 16 terabytes'
[ ! -e "$control" ] || die 'a server that did not start has left a socket'
