# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Swap on two disks of one server at once, the second of which was made when a
# client asked for it: each has a reserve and threads of its own.  Meanwhile the
# disks are compacted and looked through, a third comes and goes, and whoever
# would reset or remove one of the two is refused.

each=$((size / 2 + 10))         # MiB
disk=$each
plugin_parameters="$plugin_parameters on_demand=${each}M max_devices=3 \
control=/run/control"

has_size ()
{
  [ "$(cat "/sys/block/nbd$1/size")" -gt 0 ]
}

# attach_disk NUMBER EXPORT: as /dev/nbdNUMBER.
attach_disk ()
{
  [ -e "/sys/block/nbd$1" ] || modprobe nbd nbds_max=2
  must host nbd-client -unix /run/nbd.sock "/dev/nbd$1" -N "$2" -b 4096 -swap
  until_true 60 has_size "$1" || die "/dev/nbd$1 has no size"
  echo "$scheduler" >"/sys/block/nbd$1/queue/scheduler"
}

control ()
{
  {
    printf 'run %s compact 1\n' zram0 later
    printf 'get %s block_state\n' zram0 later
    printf 'set %s reset 1\n' zram0 later
    printf 'hot_remove %s\n' zram0 later
    echo 'hot_add name=third disksize=64M reserve=1M'
    echo 'hot_remove third'
  } | host socat -t 30 - UNIX:/run/control
}

# What it says goes into a file when it is complete.
control_again_and_again ()
{
  while [ -e /run/beside ]; do
    control >/run/answer.new 2>&1 && mv /run/answer.new /run/answer
    sleep 2
  done
}

# is_used NUMBER: whether it was swapped to, when the program had filled.
is_used ()
{
  awk -v disk="/nbd$1$" '$1 ~ disk { used = $4 } END { exit used < 1024 }' \
    /run/swaps.filled
}

start_server
attach_disk 0 zram0
attach_disk 1 later
ordinary=3                      # each disk has one that compacts
check_process
echo "$page_cluster" >/proc/sys/vm/page-cluster
for number in 0 1; do
  must host mkswap "/dev/nbd$number"
  must host swapon --discard --priority 5 "/dev/nbd$number"
done
: >/run/beside
control_again_and_again &
must swapfill -x 'cat /proc/swaps >"/run/swaps.$1"' "$size" "$kind"
rm /run/beside
wait
cat /run/swaps.filled
{ is_used 0 && is_used 1; } || die 'not both disks were swapped to'
grep -v '^ ' /run/answer
[ "$(grep -c '^error EBUSY ' /run/answer)" -eq 4 ] ||
  die 'somebody was not refused who would reset or remove a disk'
[ "$(grep -c '^ok$' /run/answer)" -ge 4 ] || die 'the control socket failed'
check_process
must host swapoff /dev/nbd1
must host nbd-client -d /dev/nbd1
stop_swap
result pass "two disks, $each MiB each"
