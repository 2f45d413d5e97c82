# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Swap on the first part of a disk, the rest of which is zeroed and trimmed
# meanwhile; and a second server with a file system, which is written, read and
# trimmed.

rest=32                         # MiB

second_server ()
{
  # shellcheck disable=SC2086
  must host nbdkit -U /run/nbd1.sock -P /run/nbdkit1.pid $server_options \
    "$builddir/zram.so" size=64M swap=on statsfile=/run/stats1
  until_true 60 [ -s /run/nbdkit1.pid ] || die 'no second server'
  must host nbd-client -unix /run/nbd1.sock /dev/nbd1 -b 4096 -swap
  must host mkfs.ext4 -q /dev/nbd1
  must mount -t ext4 /dev/nbd1 /run/mnt
}

stop_second_server ()
{
  must umount /run/mnt
  must host e2fsck -fn /dev/nbd1
  must host nbd-client -d /dev/nbd1
  kill "$(cat /run/nbdkit1.pid)"
}

# once_more NAME: count it, until the program is done.
once_more ()
{
  echo $(($(cat "/run/$1") + 1)) >"/run/$1"
  [ -e /run/beside ]
}

use_files ()
{
  while once_more files; do
    dd if=/swapfill of=/run/mnt/file bs=64k conv=fsync 2>/dev/null
    dd if=/dev/urandom of=/run/mnt/noise bs=64k count=64 conv=fsync 2>/dev/null
    rm /run/mnt/noise
    host fstrim /run/mnt
    cmp /swapfill /run/mnt/file || : >/run/different
  done
}

zero_rest ()
{
  local offset=$(((disk - rest) << 20))
  while once_more zeros; do
    must host blkdiscard -f -z -o "$offset" /dev/nbd0
    must host blkdiscard -f -o "$offset" /dev/nbd0
    usleep 200000
  done
}

disk=$((disk + rest))
mkdir -p /run/mnt
modprobe ext4
start_server
attach
check_process
second_server
echo "$page_cluster" >/proc/sys/vm/page-cluster
must host mkswap /dev/nbd0 $(((disk - rest) << 10))
must host swapon --discard /dev/nbd0
: >/run/beside
echo 0 >/run/files
echo 0 >/run/zeros
use_files &
zero_rest &
must swapfill "$size" "$kind"
rm /run/beside
wait
[ ! -e /run/different ] || die 'a file is not what was written'
files=$(cat /run/files) zeros=$(cat /run/zeros)
if [ "$files" -lt 2 ] || [ "$zeros" -lt 2 ]; then
  die "only $files times files were written, $zeros times the rest was zeroed"
fi
stop_second_server
stop_swap
result pass "files written $files times, the rest zeroed $zeros times"
