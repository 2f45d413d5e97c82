#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the manual says of nbdkit-limit-filter: its default is one client, and
# several connections (nbd-client -C, nbdcopy) need limit= to be raised, while
# the disk says that several connections are welcome.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
requires nbdinfo --version
requires "$nbdkit" --filter=limit null --dump-plugin

start_nbdkit --filter=limit limit=4 1M
nbdinfo --can multi-conn "$uri"
head -c 1048576 /dev/urandom >"$dir/data"
nbdcopy --connections=4 --threads=2 --request-size=65536 "$dir/data" "$uri"
nbdcopy --connections=4 --threads=2 --request-size=65536 "$uri" "$dir/copy"
cmp "$dir/data" "$dir/copy"
stop_nbdkit "$pid"
