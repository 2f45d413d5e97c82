#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit --dump-plugin tells scripts what this build knows, and does so without
# a disk size, and without making a disk.

# shellcheck source=functions.sh.in
. ./functions.sh

"$nbdkit" "$plugin" --dump-plugin >"$dir/dump"
for line in name=zram api_version=2 magic_config_key=size \
            errno_is_preserved=1 thread_model=parallel \
            zram_page_size=4096 zram_lz4=yes zram_lz4hc=yes \
            zram_zstd=yes zram_zstd_4k=yes \
            zram_default_algorithm=lz4 zram_max_disksize=17592186044416
do
  grep -qx "$line" "$dir/dump" || die "no line \"$line\""
done
grep -qxE 'zram_debug=(yes|no)' "$dir/dump" || die 'no line zram_debug'

# With parameters, .config is called but not .config_complete.
"$nbdkit" "$plugin" comp_algorithm=zstd --dump-plugin >"$dir/other"
cmp "$dir/dump" "$dir/other"
