# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# What a dead server takes with it, if nobody has a copy: one of two dies, which
# are used by equal priority, or with raid=0 as one RAID 0.  A program that has
# pages there is killed when it wants one, and does not wait for it for ever;
# the machine goes on, and can undo all of it.

# shellcheck source=members.sh
. "/host$srcdir/tests/vm/guest/members.sh"

raid=${raid:-}
each=$((size / 2 + 20))
devices='/dev/nbd0 /dev/nbd1'

has_ended ()
{
  ! kill -0 "$program" 2>/dev/null
}

echo 'EXPECT read errors'
echo 'EXPECT write errors'
for number in 0 1; do
  start_member "$number" first
  attach_member "$number" first
done
if [ "$raid" ]; then
  modprobe "raid$raid"
  # shellcheck disable=SC2086
  must host mdadm --build /dev/md0 --level="$raid" --raid-devices=2 $devices
  devices=/dev/md0
fi
for device in $devices; do
  swap_on "$device" --priority 10
done
swapfill -x ': >"/run/$1"' "$size" "$kind" &
program=$!
until_true 120 [ -e /run/filled ] || die 'the program does not fill'
start=$(uptime_cs)
signal_member 0 KILL
until_true 60 has_ended || die 'the program waits for ever'
figure ended "$(($(uptime_cs) - start))" cs
status=$(cat /run/swapfill.status)
[ "$status" -eq $((128 + 7)) ] ||
  die "the program has ended with $status, and not by SIGBUS"
[ ! -e /run/read ] || die 'it has read all of it'
for device in $devices; do
  must host swapoff "$device"
done
[ ! "$raid" ] || must host mdadm --stop /dev/md0
for number in 0 1; do
  must host nbd-client -d "/dev/nbd$number"
done
end_member 1 TERM
result pass 'the program was killed, and no other'
