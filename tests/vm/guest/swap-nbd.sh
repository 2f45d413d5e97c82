# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# Swap on our own server: the program finishes, and no page is wrong.

start_swap
must swapfill "$size" "$kind"
stop_swap
result pass "$size MiB of $kind pages, $connections connections, $transport"
