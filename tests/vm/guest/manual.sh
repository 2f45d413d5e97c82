# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2154   # functions.sh uses and sets them
# The commands of the manuals that swap work as they stand there: the paragraphs
# after "=for guest".  page=rack: those of nbdkit-zram-rack, page=tutorial of
# nbdkit-zram-tutorial, whose hosts are all this machine.

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

# run_block PAGE NUMBER [FIRST LAST]
run_block ()
{
  manual_block "$1" "$2" >/run/block
  run_lines "${3:-1}" "${4:-$(wc -l </run/block)}"
}

swap_page ()
{
  run_block nbdkit-zram-plugin 1
  server=$(cat /run/zram.pid)
  must swapfill "$size" "$kind"
  run_block nbdkit-zram-plugin 2
  until_true 60 [ ! -e "/proc/$server" ] || die 'the server is still there'
  run_block nbdkit-zramctl 1 1 1
  must swapfill "$size" "$kind"
  run_block nbdkit-zramctl 1 2
}

# rack BLOCK...: of that page.
rack ()
{
  for block; do
    run_block nbdkit-zram-rack "$block"
  done
}

no_server ()
{
  ! pidof nbdkit >/dev/null
}

# As blocks 3 and 4 leave it.
nothing_left ()
{
  until_true 60 no_server || die 'there is a server still'
  [ "$(host cat /proc/swaps | wc -l)" -eq 1 ] || die 'there is swap still'
}

rack_mirror ()
{
  rack 1
  run_block nbdkit-zram-rack 2 1 2
  rack 5
  must swapfill "$size" "$kind"
  kill -KILL "$(cat /run/alpha.pid)"
  rack 6 7 8 9
  kill -KILL "$(cat /run/beta.pid)"
  must swapfill "$size" "$kind"
  rack 10
  kill "$(cat /run/alpha.pid)"
  nothing_left
}

# What the program has in swap is written back, and read from there.
rack_store ()
{
  mount -t tmpfs srv /host/srv
  rack 11
  run_block nbdkit-zram-rack 12 1 2
  run_block nbdkit-zram-rack 2 1 1
  swap_on /dev/nbd0
  manual_block nbdkit-zram-rack 12 | sed -n 3,4p >/run/later
  must swapfill -x "[ \$1 != filled ] ||
    chroot /host /usr/bin/env PATH=$bin:$host_path sh -ex /run/later" \
    "$size" "$kind"
  back=$(host env "PATH=$bin:$host_path" nbdkit-zramctl -s /run/alpha.sock \
    get bd_stat | awk '{ print $2 }')
  [ "$back" -gt 0 ] || die 'no page has come back from the store'
  must host swapoff /dev/nbd0
  must host nbd-client -d /dev/nbd0
  kill "$(cat /run/alpha.pid)"
  nothing_left
}

# name_hosts NETWORK: those of the pages.
name_hosts ()
{
  printf '%s\n' '127.0.0.1 localhost' "$1.2 alpha" "$1.3 beta" "$1.4 gamma" \
    >/run/hosts
  must mount -o bind /run/hosts /host/etc/hosts
}

# tutorial BLOCK...: of that page.
tutorial ()
{
  for block; do
    run_block nbdkit-zram-tutorial "$block"
  done
}

tutorial_page ()
{
  modprobe raid1
  name_hosts 127.0.0
  tutorial 1 2
  must swapfill "$size" "$kind"
  tutorial 3 4 5
  must swapfill "$size" "$kind"
  tutorial 6 7
  nothing_left
  tutorial 8 9
  must swapfill "$size" "$kind"
  tutorial 10 11
  manual_block nbdkit-zram-tutorial 12 >/run/later
  [ -s /run/later ] || die 'the manual has no such block'
  must swapfill -x "[ \$1 != filled ] || sh -ex /run/later" "$size" "$kind"
  grep -q '(F)' /proc/mdstat || die 'MD has not noticed that beta is dead'
  tutorial 13
  nothing_left
  [ "$(grep -c '^=for guest$' "/host$srcdir/man/nbdkit-zram-tutorial.pod")" = 13 ] ||
    die 'there are commands that nobody has run'
}

rack_page ()
{
  modprobe raid1
  name_hosts 127.0.0
  rack 1 2
  must swapfill "$size" "$kind"
  rack 3 4
  nothing_left
  rack_mirror
  rack_store
}

install_programs
modprobe nbd nbds_max=2
"${page:-swap}_page"
pidof nbdkit >/dev/null && die 'there is a server still'
result pass "$size MiB of $kind pages, by the manuals' commands"
