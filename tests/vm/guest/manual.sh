# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The commands of the manuals that swap work as they stand there: the paragraphs
# after "=for guest".

# manual_block PAGE NUMBER
manual_block ()
{
  awk -v number="$2" '
    /^=for guest$/ { on = ++n == number; next }
    on && /^[^ ]/ { exit }
    on && /^ / { sub (/^ /, ""); print }' "/host$srcdir/man/$1.pod"
}

# run_lines FIRST LAST: of the block in /run/block.
run_lines ()
{
  {
    echo 'set -e'
    sed -n "$1,$2p" /run/block
  } >/run/lines
  [ "$(wc -l </run/lines)" -gt 1 ] || die 'the manual has no such block'
  must host env "PATH=$bin:$host_path" bash -x /run/lines
}

install_programs
modprobe nbd nbds_max=2
manual_block nbdkit-zram-plugin 1 >/run/block
run_lines 1 '$'
server=$(cat /run/zram.pid)
must swapfill "$size" "$kind"
manual_block nbdkit-zram-plugin 2 >/run/block
run_lines 1 '$'
until_true 60 [ ! -e "/proc/$server" ] || die 'the server is still there'
manual_block nbdkit-zramctl 1 >/run/block
run_lines 1 1
must swapfill "$size" "$kind"
run_lines 2 '$'
pidof nbdkit >/dev/null && die 'there is a server still'
result pass "$size MiB of $kind pages, by the manuals' commands"
