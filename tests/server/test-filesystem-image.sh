#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An image of a file system with real files, copied in and out by nbdcopy over
# one connection and over several, is the same byte for byte, and so are the
# files; with either algorithm.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires mke2fs -V
requires e2fsck -V

# Real files that any machine has: up to 60 MiB of them.
collect_files ()
{
  mkdir "$dir/tree"
  find /usr/include /usr/share/doc /usr/share/perl /usr/bin \
    -xdev -type f -size -1024k -readable -print0 2>/dev/null |
    head -z -n 4000 |
    xargs -0 cp --parents -t "$dir/tree" 2>/dev/null || :
  [ "$(find "$dir/tree" -type f | wc -l)" -gt 100 ] ||
    skip 'there are not enough files to make an image of'
}

# copy ALGORITHM CONNECTIONS
copy ()
{
  start_nbdkit "$(stat -c %s "$dir/image")" "comp_algorithm=$1"
  nbdcopy --connections="$2" "$dir/image" "$uri"
  rm -f "$dir/copy"
  nbdcopy --connections="$2" "$uri" "$dir/copy"
  stop_nbdkit "$pid"
  cmp "$dir/image" "$dir/copy"
  e2fsck -fn "$dir/copy" >/dev/null
}

collect_files
size=$(du -sm --apparent-size "$dir/tree" | cut -f 1)
mke2fs -q -t ext4 -d "$dir/tree" "$dir/image" "$((size + size / 4 + 24))M"
du -h "$dir/image"
copy lz4 1
copy lz4 4
copy zstd 4
