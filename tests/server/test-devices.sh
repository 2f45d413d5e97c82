#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Several disks in one server: at its start, added, removed, and on demand; and
# what memory each is sure of.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires nbdinfo --version

zramctl ()
{
  "$zramctl" -s "$control" "$@"
}

# must_be WANT COMMAND...: what it prints.
must_be ()
{
  local want=$1 got
  shift
  got=$("$@") || die "$*: exit status $?"
  [ "$got" = "$want" ] || die "$*: printed '$got' and not '$want'"
}

# must_be_refused MESSAGE COMMAND...: with that in its messages.
must_be_refused ()
{
  local message=$1
  shift
  if "$@" >"$dir/out" 2>"$dir/err"; then
    die "$* succeeded"
  fi
  grep -qF -e "$message" "$dir/err" || die "$*: said '$(cat "$dir/err")'"
}

uri_of ()
{
  echo "nbd+unix:///$1?socket=$socket"
}

exports ()
{
  nbdinfo --list --json "$uri" | jq -r '.exports[]["export-name"]' |
    tr '\n' ' '
}

description ()
{
  nbdinfo --json "$(uri_of "$1")" | jq -r '.exports[0].description'
}

# must_hold FILE NAME: the disk begins with that.
must_hold ()
{
  nbdcopy "$(uri_of "$2")" "$dir/copy"
  cmp -n "$(stat -c %s "$1")" "$1" "$dir/copy" ||
    die "$2 does not hold what it should"
}

# hold NAME: stay connected to it.
hold ()
{
  mkfifo "$dir/hold"
  nbdcopy "$dir/hold" "$(uri_of "$1")" &
  holder=$!
  exec 9>"$dir/hold"
  wait_until has_clients "$1"
}

has_clients ()
{
  [ "$(zramctl get "$1" clients 2>"$dir/null")" -gt 0 ] 2>"$dir/null"
}

has_none ()
{
  [ "$(zramctl get "$1" clients)" -eq 0 ]
}

release ()
{
  exec 9>&-
  wait "$holder" || die 'the client failed'
  rm "$dir/hold"
}

requires jq --version
head -c 1M /dev/urandom >"$dir/noise"

# At the start.
start_nbdkit 4M num_devices=3 "control=$control"
must_be 'zram0 zram1 zram2 ' exports
must_be 'zram, lz4, 4 MiB' description zram1
nbdcopy "$dir/noise" "$(uri_of zram1)"
must_be 'zram, lz4, 4 MiB, ratio 1.0' description zram1
must_be 'zram, lz4, 4 MiB' description zram0
must_be 'zram, lz4, 4 MiB' description ''
# What one holds none of the others has.
head -c 1M /dev/zero >"$dir/zeros"
must_hold "$dir/zeros" zram2
must_hold "$dir/noise" zram1

# Added and removed.
must_be zram3 zramctl hot_add
must_be swap zramctl hot_add name=swap size=64M comp_algorithm=zstd \
  mem_limit=1M
must_be 'zram0 zram1 zram2 zram3 swap ' exports
must_be 'zram, zstd, 64 MiB' description swap
must_be 'swap' zramctl get swap export
must_be 0 zramctl get zram3 disksize
must_be '' zramctl set zram3 disksize=1M
must_be 'zram, lz4, 1 MiB' description zram3
must_be '' zramctl hot_remove zram3 zram1
must_be 'zram0 zram2 swap ' exports
must_be_refused "there is no disk 'zram1'" zramctl hot_remove zram1
must_be_refused 'No such file or directory for export' nbdinfo "$(uri_of zram1)"
must_be_refused "name: there is a disk 'swap' already" zramctl hot_add name=swap
must_be_refused "EEXIST: name: there is a disk 'swap' already" \
  zramctl -e hot_add name=swap
must_be_refused "'num_devices' is no parameter of a disk" zramctl hot_add \
  num_devices=2
must_be_refused "has a quotation mark in it" zramctl hot_add 'name="a"'
must_be_refused "name" zramctl hot_add 'name=a disksize=1M'
must_be_refused 'give the names of disks' zramctl hot_remove
must_be zram1 zramctl hot_add

# Not as long as somebody is connected.
hold swap
must_be_refused 'swap: clients are connected' zramctl hot_remove swap
must_be_refused 'swap: reset: clients are connected (1)' zramctl set swap reset=1
release
wait_until has_none swap
must_be '' zramctl hot_remove swap

stop_nbdkit "$pid"

# Each is reported.
start_nbdkit 1G num_devices=2 "statsfile=$dir/stats"
stop_nbdkit "$pid"
must_be 'disk: zram0
disk: zram1' grep '^disk: ' "$dir/stats"

# On demand: one that is not there is made, and goes when nothing is in it.  One
# thread: nbdkit before 1.34 can abort when a client gives up in the middle of
# its requests, as nbdcopy does when there is no room.
control=$dir/control2
start_nbdkit -t 1 on_demand=16M max_devices=2 mem_total=2M mem_min=512K \
  "control=$control"
must_be '' exports
must_be 16777216 nbdinfo --size "$(uri_of alice)"
wait_until must_be '' exports
head -c 300000 "$dir/noise" >"$dir/little"
nbdcopy "$dir/little" "$(uri_of alice)"
must_be 'alice ' exports
must_hold "$dir/little" alice

# Who is greedy gets what is nobody's, and no more.
head -c 4M /dev/urandom >"$dir/much"
must_be_refused 'No space left on device' nbdcopy "$dir/much" "$(uri_of bob)"
must_be '2097152 2097152' zramctl get bob mem_total
head -c 400000 "$dir/noise" >"$dir/little"
nbdcopy "$dir/little" "$(uri_of alice)" ||
  die 'the greedy one has taken what was another'\''s'
must_be_refused 'No such file or directory for export' nbdinfo "$(uri_of carol)"
must_be_refused 'No such file or directory for export' nbdinfo "$(uri_of 'no%20name')"

# A table has a line for each.
must_be 'alice 16M
bob 16M' zramctl -r -n -o NAME,DISKSIZE
stop_nbdkit "$pid"
