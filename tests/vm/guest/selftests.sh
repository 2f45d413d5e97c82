# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# What the kernel's own tests of zram (tools/testing/selftests/zram) and LTP's
# (zram01 to zram03) check, on a disk of ours with a limit on memory: a file
# system full of zeros is compressed; the disk can be made swap, turned on and
# off; and full of one letter it reads back as that.

fill_with_zeros ()
{
  must host mkfs.ext4 -q /dev/nbd0
  must mount -t ext4 /dev/nbd0 /run/mnt
  dd if=/dev/zero of=/run/mnt/zeros bs=64k 2>/dev/null &&
    die 'a file system took more than its disk has'
  zeros=$(($(stat -c %s /run/mnt/zeros) >> 20))
  must umount /run/mnt
  must host e2fsck -fn /dev/nbd0
  server_stat
  echo "$zeros MiB of zeros: $stored MiB stored in $used MiB"
  [ "$zeros" -gt $((disk * 3 / 4)) ] || die "it took $zeros MiB only"
  [ "$zeros" -gt "$used" ] || die 'zeros were not compressed'
}

turn_on_and_off ()
{
  swap_on /dev/nbd0
  grep -q '/dev/nbd0 ' /proc/swaps || die 'it is no swap'
  must host swapoff /dev/nbd0
}

# As many as the disk has bytes.
letters ()
{
  head -c $((disk << 20)) /dev/zero | tr '\0' a
}

fill_with_letters ()
{
  letters >/dev/nbd0
  sync
  echo 3 >/proc/sys/vm/drop_caches
  server_stat
  [ "$stored" -eq "$disk" ] || die "$stored MiB of letters are stored"
  [ "$used" -eq 0 ] || die "$used MiB are used for one letter"
  letters | host cmp - /dev/nbd0 || die 'not all of it is letters'
}

disk=32
plugin_parameters='mem_limit=25M'
mkdir -p /run/mnt
modprobe ext4
start_server
attach
fill_with_zeros
turn_on_and_off
fill_with_letters
detach
stop_server
result pass "zeros, swap, letters on $disk MiB"
