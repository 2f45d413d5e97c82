#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The disk's size can be given bare, as size= and as disksize=, in zram's
# grammar, and is rounded up to whole pages.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdinfo --version

# check_size BYTES PARAMETER...
check_size ()
{
  local expected=$1 actual
  shift
  actual=$("$nbdkit" -U - "$plugin" "$@" --run 'nbdinfo --size "$uri"')
  [ "$actual" = "$expected" ] || die "$*: $actual bytes, not $expected"
}

check_size 4294967296 4G
check_size 4294967296 size=4G
check_size 4294967296 disksize=4G
check_size 4294967296 comp_algorithm=lz4 4G
check_size 4294967296 mem_limit=1M 4G comp_algorithm=zstd

check_size 4096 1
check_size 4096 4096
check_size 8192 4097
check_size 65536 65536
check_size 65536 0x10000
check_size 65536 0X10000
check_size 65536 0200000
check_size 8192 010K
check_size 16384 0x10k
check_size 65536 64k
check_size 65536 64K
check_size 1048576 1m
check_size 1048576 1M
check_size 1073741824 1g
check_size 1099511627776 1t
check_size 1099511627776 1T
check_size 17592186044416 16T
check_size 17592186044416 17592186044416
check_size 17592186044416 17592186044415
