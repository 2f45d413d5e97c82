# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# What one request costs, one after the other and past every cache: on our own
# server, on nbdkit's null plugin (what is left is the transport) and on the
# kernel's zram.

requests=${requests:-2000}

# time_requests NAME ARGUMENT-OF-DD...
time_requests ()
{
  local what=$1 start
  shift
  start=$(uptime_cs)
  must host dd bs=4096 count="$requests" status=none "$@"
  figure "$what" "$((($(uptime_cs) - start) * 10000 / requests))" us
}

must modprobe zram num_devices=1
echo "$algorithm" >/sys/block/zram0/comp_algorithm
echo 64M >/sys/block/zram0/disksize
dd if=/swapfill of=/run/data bs=4096 count="$requests" 2>/dev/null
while [ "$(stat -c %s /run/data)" -lt $((requests * 4096)) ]; do
  cat /bin/busybox >>/run/data
done
time_requests zram-write if=/run/data of=/dev/zram0 oflag=direct
time_requests zram-read if=/dev/zram0 of=/dev/null iflag=direct
start_server
attach
time_requests ours-write if=/run/data of=/dev/nbd0 oflag=direct
time_requests ours-read if=/dev/nbd0 of=/dev/null iflag=direct
detach
stop_server
rm -f /run/nbd.sock
plugin=null
start_server
attach
time_requests null-read if=/dev/nbd0 of=/dev/null iflag=direct
result pass "$requests requests each"
