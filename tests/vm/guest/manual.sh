# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The commands of the manual's "Swap" work as they stand there: the paragraphs
# after "=for guest".

# manual_block NUMBER
manual_block ()
{
  awk -v number="$1" '
    /^=for guest$/ { on = ++n == number; next }
    on && /^[^ ]/ { exit }
    on && /^ / { sub (/^ /, ""); print }' \
    "/host$srcdir/man/nbdkit-zram-plugin.pod"
}

# run_block NUMBER: with a nbdkit that knows the plugin by its short name.
run_block ()
{
  {
    echo 'set -e'
    echo "nbdkit () { command nbdkit \"\${@/%zram/$builddir/zram.so}\"; }"
    manual_block "$1"
  } >"/run/block$1"
  [ "$(wc -l <"/run/block$1")" -gt 4 ] || die "the manual has no block $1"
  must host bash -x "/run/block$1"
}

modprobe nbd nbds_max=2
run_block 1
server=$(cat /run/zram.pid)
must swapfill "$size" "$kind"
run_block 2
until_true 60 [ ! -e "/proc/$server" ] || die 'the server is still there'
result pass "$size MiB of $kind pages, by the manual's commands"
