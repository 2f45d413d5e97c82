# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# "nbdkit-zramctl swap on" and "swap off": what they do, that a step that fails
# undoes those before it, and that nothing is given up that is still needed.

rundir=/run/nbdkit-zram

zramctl ()
{
  host env "PATH=$bin:$host_path" nbdkit-zramctl "$@"
}

is_connected ()
{
  [ -e "/sys/block/$1/pid" ]
}

swaps_to ()
{
  host cat /proc/swaps | grep -q "^/dev/$1 "
}

used_kib ()
{
  host cat /proc/swaps | awk -v name="/dev/$1" '$1 == name { print $4 }'
}

server_is_gone ()
{
  ! pidof nbdkit >/dev/null
}

# Nothing of it is left.
must_be_off ()
{
  ! swaps_to nbd0 || die "$1: /dev/nbd0 is still swap"
  ! is_connected nbd0 || die "$1: /dev/nbd0 has a server still"
  server_is_gone || die "$1: there is a server still"
  [ ! -e "$rundir" ] || [ "$(ls -A "$rundir")" = .swap.lock ] ||
    die "$1: it has left $(ls -A "$rundir")"
}

# must_refuse PATTERN ARGUMENT...: with a line like that.
must_refuse ()
{
  local pattern=$1
  shift
  zramctl "$@" >/run/out 2>&1 && die "$*: it succeeded"
  cat /run/out
  grep -q "^nbdkit-zramctl: .*$pattern" /run/out || die "$*: it says otherwise"
}

# begin_swapfill MIB: in the background, until /run/go is there; waits until it
# has filled.
begin_swapfill ()
{
  rm -f /run/filled /run/go
  swapfill -x ': >/run/$1; until [ -e /run/go ]; do sleep 0.1; done' \
    "$1" "$kind" &
  program=$!
  until_true 120 [ -e /run/filled ] || die 'the program does not fill'
}

install_programs

# Each step fails in turn, the last when it has been done.  (The module is in
# this root, and not in the one that the program runs in.)
for command in modprobe nbd-client mkswap swapon; do
  replace "$command" 'exit 3'
  must_refuse "$command failed with exit status 3" swap on "${disk}M"
  rm "$bin/$command"
  must_be_off "$command fails"
  [ "$command" != modprobe ] || modprobe nbd nbds_max=2
done
replace swapon "PATH=$host_path"'; swapon "$@"; exit 3'
must_refuse 'what has been done is undone' swap on "${disk}M"
rm "$bin/swapon"
must_be_off 'swapon fails late'
replace swapon "PATH=$host_path"'; swapon "$@"; kill -TERM $PPID'
must_refuse interrupted swap on "${disk}M"
rm "$bin/swapon"
must_be_off 'one that was interrupted last of all'
zramctl swap on "${disk}M" | head -n 1
must_be_off 'one whose output nobody reads'
must_refuse 'nbdkit failed with exit status 1' swap on "${disk}M" no=parameter
must_be_off 'a wrong parameter'
replace mkswap 'kill -INT $PPID; PATH='"$host_path"'; exec mkswap "$@"'
must_refuse interrupted swap on "${disk}M"
rm "$bin/mkswap"
must_be_off 'an interrupted one'
must_refuse '"swap on" has made none' swap off

# Somebody has the device open for a moment, as udev has.
(exec 3</dev/nbd0; sleep 2) &
must zramctl swap on 64M
must zramctl swap off
must_be_off 'what was open'

# What the device is used for by hand is no less in use.
must zramctl swap on 64M
must host swapoff /dev/nbd0
must host mkfs.ext4 -q /dev/nbd0
modprobe ext4
modprobe crc32c_generic
mkdir /run/mounted
must mount -t ext4 /dev/nbd0 /run/mounted
must_refuse 'is mounted, or part of another' swap off
must_refuse 'is mounted, or part of another' --dry-run swap off
is_connected nbd0 || die 'what is mounted has no server'
must umount /run/mounted
must zramctl swap off
must_be_off 'what was mounted'

# On, with a device for each.
must zramctl swap on "${disk}M" "comp_algorithm=$algorithm"
host cat /proc/swaps | grep -q '^/dev/nbd0 .*[^0-9]100$' || die "no priority"
server=$(cat "$rundir/.nbd0.pid")
[ "$(zramctl -n -r -o DISKSIZE,ALGORITHM)" = "${disk}M $algorithm" ] ||
  die 'it is not in the table of disks'
must zramctl -p 7 --connections 1 swap on 64M
host cat /proc/swaps | grep -q '^/dev/nbd1 .*[^0-9]7$' || die "no second"
must_refuse 'all 2 devices' swap on 64M
must_refuse 'there are 2: give the device of one' swap off
must_refuse '/dev/nbd2: "swap on" has not made it' swap off /dev/nbd2
must zramctl swap off /dev/nbd1
! is_connected nbd1 || die '/dev/nbd1 has a server still'

# It is in use, by what has no room in memory, and stays so.
begin_swapfill "$size"
must_refuse 'MiB are available' swap off
swaps_to nbd0 || die 'swap is off'
zramctl --dry-run swap off >/run/out 2>&1 && die 'a dry run sees no want of room'
: >/run/go
wait "$program" || die 'the program failed'

# By what has room, and goes on.
resident=40 size=80
begin_swapfill "$size"
resident=
echo max >/sys/fs/cgroup/swapfill/memory.max
[ "$(used_kib nbd0)" -gt 20000 ] || die "only $(used_kib nbd0) KiB are used"
must zramctl --dry-run swap off
swaps_to nbd0 || die 'a dry run did something'
must zramctl swap off
must_be_off 'swap off'
[ ! -e "/proc/$server" ] || die 'the server is still there'
: >/run/go
wait "$program" || die 'the program failed beside swap off'

# The server is killed: what is there is lost, but nobody is made to read it.
# (Others than the program have pages there, so this is the end of the machine.)
must zramctl swap on "${disk}M"
resident=40
begin_swapfill "$size"
kill -KILL "$(cat "$rundir/.nbd0.pid")"
until_true 60 server_is_gone || die 'it does not die'
must_refuse 'its server has gone' swap off
kill -0 "$program" || die 'somebody has been made to read it'
killall -KILL swapfill
: >/run/go
result pass 'each step undone, nothing given up that was needed'
