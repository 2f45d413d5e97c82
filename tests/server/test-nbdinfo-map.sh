#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdinfo shows what the disk offers, and maps it.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdinfo --version
requires nbdcopy --version

start_nbdkit 1M comp_algorithm=zstd
nbdinfo "$uri" >"$dir/info"
cat "$dir/info"
for line in 'export-size: 1048576' 'description: zram, zstd, 1 MiB' \
            'can_cache: true' 'can_fast_zero: true' 'can_flush: true' \
            'can_fua: true' 'can_multi_conn: true' 'can_trim: true' \
            'can_zero: true' 'is_read_only: false' 'is_rotational: false' \
            'block_size_minimum: 1' 'block_size_preferred: 4096' \
            'block_size_maximum: 4294967295' 'base:allocation'
do
  grep -q "^[[:space:]]*$line" "$dir/info" || die "nbdinfo has no \"$line\""
done

# The numbers in nbdinfo's map: where, how long, what (0 data, 3 hole|zero).
map ()
{
  nbdinfo --map "$uri" | awk '{ print $1, $2, $3 }'
}

diff - <(map) <<'END' || die 'the map of an unused disk is not right'
0 1048576 3
END

# Two pages of data, of which nbdcopy writes or zeroes each part of the rest.
{
  head -c 8192 /dev/urandom
  head -c 16384 /dev/zero
  head -c 4096 /dev/urandom
} >"$dir/data"
nbdcopy "$dir/data" "$uri"
diff - <(map) <<'END' || die 'the map is not right'
0 8192 0
8192 16384 3
24576 4096 0
28672 1019904 3
END
stop_nbdkit "$pid"
