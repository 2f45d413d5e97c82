# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# What the server's own test shows with swap=try, with swap=on: that reading and
# writing take no memory.

must host ZRAM_TMP=/run/tmp ZRAM_SWAP=swap=on "$builddir/tests/server/test-no-faults"
result pass 'no memory is taken by reading and writing'
