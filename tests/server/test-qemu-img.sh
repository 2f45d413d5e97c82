#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# qemu-img converts an image into the disk and out of it, finds both the same,
# and maps the disk as it is: data where data is, holes that read as zeros
# elsewhere.

# shellcheck source=functions.sh.in
. ./functions.sh

requires qemu-img --version
requires jq --version

size=$((32 * 1024 * 1024))

# Data in the 2nd, 3rd and 20th MiB; zeros that are written, not a hole, in the
# 10th.
truncate -s "$size" "$dir/image"
dd if=/dev/urandom of="$dir/image" bs=1M seek=1 count=2 conv=notrunc status=none
tar -c -f - /usr/bin 2>/dev/null | head -c 1048576 |
  dd of="$dir/image" bs=1M seek=19 conv=notrunc iflag=fullblock status=none || :
dd if=/dev/zero of="$dir/image" bs=1M seek=9 count=1 conv=notrunc status=none

start_nbdkit "$size"
qemu-img convert -n -f raw -O raw "$dir/image" "$uri"
qemu-img compare -f raw -F raw "$dir/image" "$uri"

qemu-img convert -f raw -O qcow2 "$uri" "$dir/image.qcow2"
qemu-img compare -f raw -F qcow2 "$dir/image" "$dir/image.qcow2"

# Each extent: where, how long, and whether it is data or reads as zeros.
qemu-img map -f raw --output=json "$uri" >"$dir/map"
cat "$dir/map"
jq -e --argjson size "$size" '
  (map (.length) | add) == $size and
  all (.[]; .data != .zero) and
  ([.[] | select (.data) | .length] | add) == 3 * 1048576 and
  any (.[]; .data and .start == 1048576 and .length == 2 * 1048576)
' "$dir/map" >/dev/null || die 'the map is not right'
stop_nbdkit "$pid"
