# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The contestant: the same program on the kernel's zram.

must modprobe zram num_devices=1
echo "$algorithm" >/sys/block/zram0/comp_algorithm
echo "${disk}M" >/sys/block/zram0/disksize
swap_on /dev/zram0
figure before "$(($(meminfo MemAvailable) / 1024))" MiB
must swapfill -x 'cat /sys/block/zram0/mm_stat' "$size" "$kind"
must host swapoff /dev/zram0
result pass "$size MiB of $kind pages on the kernel's zram"
