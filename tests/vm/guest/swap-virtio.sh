# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# QEMU itself is the client: the guest swaps on a virtio disk that is the
# export.  The server is on the host.

modprobe virtio_blk
until_true 60 [ -e /dev/vda ] || die 'there is no virtio disk'
swap_on /dev/vda
figure before "$(($(meminfo MemAvailable) / 1024))" MiB
must swapfill "$size" "$kind"
must host swapoff /dev/vda

# Bytes of the swap's header that are not 0: its signature, until it is trimmed.
header_bytes ()
{
  host dd if=/dev/vda bs=4096 count=1 iflag=direct 2>/dev/null |
    tr -d '\0' | wc -c
}

[ "$(header_bytes)" -gt 0 ] || die 'there was no swap on the disk'
must host blkdiscard /dev/vda
[ "$(header_bytes)" -eq 0 ] || die 'a trim did not arrive'
result pass "$size MiB of $kind pages on a disk of QEMU's"
