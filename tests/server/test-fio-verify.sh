#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fio writes and reads at random, in blocks of a page, of less, of many, and of
# what is neither, over several connections at once, and finds every block that
# it reads to be the one that it wrote.

# shellcheck source=functions.sh.in
. ./functions.sh

requires fio --enghelp=nbd

# verify ALGORITHM FIO-OPTION...
verify ()
{
  local algorithm=$1
  shift
  start_nbdkit 128M "comp_algorithm=$algorithm"
  (cd "$dir" && fio --name=verify --ioengine=nbd --uri="$uri" \
    --rw=randrw --iodepth=8 --size=8m --numjobs=3 --offset_increment=32m \
    --verify=crc32c --verify_fatal=1 --do_verify=1 \
    --refill_buffers --buffer_compress_percentage=50 \
    --group_reporting --output-format=terse --eta=never "$@") >"$dir/fio" 2>&1 ||
    { cat "$dir/fio"; die "fio $*"; }
  stop_nbdkit "$pid"
}

# fio can only verify blocks that do not overlap, so their length is fixed.
verify lz4 --bs=4k
verify lz4 --bs=1536
verify lz4 --bs=56k
verify zstd --bs=20000
