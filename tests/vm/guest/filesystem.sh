# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# A file system on our own server: a tree unpacked, compared, trimmed; checked
# at each step.  Then the whole disk zeroed at once, and read.

fs=${fs:-ext4}
# The tree that ../run has packed, and the sums of its files.
tree=${job_dir:?}/tree

check_fs ()
{
  case $fs in
    ext4) must host e2fsck -fn /dev/nbd0 ;;
    xfs) must host xfs_repair -n /dev/nbd0 ;;
  esac
}

mount_fs ()
{
  must mount -t "$fs" /dev/nbd0 /run/mnt
}

mkdir -p /run/mnt
modprobe "$fs"
start_server
attach
must host "mkfs.$fs" /dev/nbd0
mount_fs
mkdir /run/mnt/tree
must host tar -C /run/mnt/tree -xf "$tree.tar"
must umount /run/mnt
check_fs
server_stat
echo "unpacked: $stored MiB stored in $used MiB"
unpacked=$stored
[ "$unpacked" -gt 10 ] || die "only $unpacked MiB are stored"

mount_fs
(cd /run/mnt/tree && md5sum -c "/host$tree.md5") >/run/sums ||
  die "files differ: $(grep -v ': OK$' /run/sums | head -n 3)"
rm -r /run/mnt/tree
sync                            # ext4 trims only what has been committed
must host fstrim -v /run/mnt
must umount /run/mnt
check_fs
server_stat
echo "removed and trimmed: $stored MiB stored in $used MiB"
[ "$stored" -lt $((unpacked / 2)) ] || die 'fstrim gave nothing back'

must host blkdiscard -z /dev/nbd0
server_stat
[ "$used" -eq 0 ] || die "$used MiB are used after blkdiscard -z"
must host cmp -n $((disk << 20)) /dev/nbd0 /dev/zero
detach
stop_server
result pass "$fs: $unpacked MiB unpacked and trimmed, all clean"
